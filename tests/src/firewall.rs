//! A firewall of a test's own: a network namespace, and programs that work in it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::root::as_root;

/// A network namespace with the chain that Docker makes.
pub struct Firewall {
    name: String,
    folder: TempDir,
}

impl Firewall {
    /// A new one.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("acgs-e2e-{}-{number}", std::process::id());
        let made = as_root("/usr/sbin/ip", &["netns", "add", &name]);
        assert!(made.status.success(), "{made:?}");
        let firewall = Self { name, folder: TempDir::new().expect("a folder") };
        let sudo = if nix::unistd::geteuid().is_root() { "" } else { "/usr/bin/sudo -n " };
        for program in ["iptables", "ip6tables"] {
            // While there is a file `broken`, calls with its words in them are refused.
            let text = format!(
                "#!/bin/sh\nbroken='{}/broken'\nif [ -e \"$broken\" ]; then case \"$*\" in *\"$(cat \"$broken\")\"*) echo 'Permission denied (you must be root)' >&2; exit 4 ;; esac; fi\nexec {sudo}/usr/sbin/ip netns exec {} /usr/sbin/{program} \"$@\"\n",
                firewall.folder.path().display(),
                firewall.name
            );
            let path = firewall.program(program);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        firewall.run(&["/usr/sbin/iptables", "-N", "DOCKER-USER"]);
        firewall
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The bot's section for it.
    #[must_use]
    pub fn toml(&self, own: &str) -> String {
        format!(
            "[firewall]\nown_networks = [{own:?}]\niptables = {:?}\nip6tables = {:?}",
            self.program("iptables"),
            self.program("ip6tables")
        )
    }

    /// From now on calls with these words in them are refused; `None`: none is.
    ///
    /// # Panics
    /// When that can't be written down.
    pub fn refuse(&self, words: Option<&str>) {
        let mark = self.folder.path().join("broken");
        let done = match words {
            Some(words) => std::fs::write(mark, words),
            None => std::fs::remove_file(mark),
        };
        done.expect("a mark");
    }

    /// A program in the namespace.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, arguments: &[&str]) -> String {
        let all = [["netns", "exec", &self.name].as_slice(), arguments].concat();
        let output = as_root("/usr/sbin/ip", &all);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The rules of one chain.
    #[must_use]
    pub fn rules(&self, program: &str, chain: &str) -> String {
        self.run(&[&format!("/usr/sbin/{program}"), "-S", chain])
    }
}

impl Default for Firewall {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Firewall {
    fn drop(&mut self) {
        let _ = as_root("/usr/sbin/ip", &["netns", "del", &self.name]);
    }
}
