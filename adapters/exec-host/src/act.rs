//! What changes the machine: backups are written, copied and deleted, env files are changed, addresses are
//! shut out, the repository is brought forward.

pub mod backup;
pub mod block;
pub mod env_file;
pub mod files;
pub mod git;
