//! The binary `acgs`: installs the crypto provider and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // ring is the only provider in the tree; every TLS user picks it up from here.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    bot::cli::main()
}
