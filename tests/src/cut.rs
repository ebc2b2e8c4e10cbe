//! A network that is cut: no packet of a process arrives anywhere any more, nor any for it, and nobody is told so.

use std::process::Command;
use std::sync::Mutex;

/// The last one that was given out, so that no two processes share one.
static LAST: Mutex<Option<u32>> = Mutex::new(None);

/// The network of a process: its group, by which the firewall knows its connections for as long as they last. A
/// connection that the process has closed has no group any more, and may still have something to send.
pub struct Network(u32);

impl Network {
    /// One that works.
    ///
    /// # Panics
    /// When the tests do not run as root, whom alone the firewall obeys.
    #[must_use]
    pub fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "to cut a process' network the tests must run as root");
        let mut last = LAST.lock().expect("no code panics while holding it");
        // Tests of other runs are on this machine too.
        let group = last.map_or_else(|| rand::random_range(100_000..900_000_000), |last| last + 1);
        *last = Some(group);
        let network = Self(group);
        network.marks("--append");
        network
    }

    /// For [`Setup::group`](crate::bot::Setup::group).
    #[must_use]
    pub const fn group(&self) -> u32 {
        self.0
    }

    /// From now on every packet is dropped, on connections that are open too, until what is returned is dropped.
    #[must_use]
    pub fn cut(&self) -> Cut {
        drops("--insert", self.0);
        Cut(self.0)
    }

    fn marks(&self, change: &str) {
        let group = self.0.to_string();
        let owner = ["OUTPUT", "--match", "owner", "--gid-owner", &group];
        firewall(
            &[&["--table", "mangle", change], &owner[..], &["--jump", "CONNMARK", "--set-mark", &group]]
                .concat(),
        );
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.marks("--delete");
    }
}

/// While it lives, the network is cut.
pub struct Cut(u32);

impl Drop for Cut {
    fn drop(&mut self) {
        drops("--delete", self.0);
    }
}

fn drops(change: &str, group: u32) {
    let group = group.to_string();
    for chain in ["OUTPUT", "INPUT"] {
        firewall(&[change, chain, "--match", "connmark", "--mark", &group, "--jump", "DROP"]);
    }
}

fn firewall(arguments: &[&str]) {
    let output = Command::new("/usr/sbin/iptables").args(["--wait", "10"]).args(arguments).output();
    let output = output.expect("iptables, which tests/install installs");
    assert!(output.status.success(), "iptables {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
