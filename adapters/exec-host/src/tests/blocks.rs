//! The firewall of a network of the test's own.

use std::os::unix::fs::PermissionsExt as _;

use commands::block::{Block, BlockRefusal, Blocker, Chain, Network, Placed, PlacedBlock};

use super::*;
use crate::act::block::{block, unblock};
use crate::blocks::parse;

/// A network namespace, and programs that work in it.
struct Namespace {
    name: String,
    folder: TempDir,
}

impl Namespace {
    fn new(test: &str) -> Self {
        let name = format!("acgs-{}-{test}", std::process::id());
        let made = as_root("/usr/sbin/ip", &["netns", "add", &name]);
        assert!(made.status.success(), "{made:?}");
        let namespace = Self { name, folder: TempDir::new().unwrap() };
        let sudo = if nix::unistd::geteuid().is_root() { "" } else { "/usr/bin/sudo -n " };
        for program in ["iptables", "ip6tables"] {
            let path = namespace.folder.path().join(program);
            let text = format!(
                "#!/bin/sh\nexec {sudo}/usr/sbin/ip netns exec {} /usr/sbin/{program} \"$@\"\n",
                namespace.name
            );
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        namespace
    }

    fn firewall(&self) -> Firewall {
        let path = |program| self.folder.path().join(program).display().to_string();
        Firewall { v4: path("iptables"), v6: path("ip6tables") }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let all = [["netns", "exec", &self.name].as_slice(), arguments].concat();
        let output = as_root("/usr/sbin/ip", &all);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        as_root("/usr/sbin/ip", &["netns", "del", &self.name]);
    }
}

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn of(text: &str) -> Block {
    Block::new(network(text), Blocker::named("ada"), "2026-11-26T10:00:00Z".parse().unwrap())
}

async fn all(firewall: &Firewall) -> Vec<PlacedBlock> {
    blocks(firewall, PATIENT).await.unwrap()
}

#[tokio::test]
async fn an_address_is_shut_out_before_everything_else_and_let_in_again() {
    let namespace = Namespace::new("block");
    let firewall = namespace.firewall();
    namespace.run(&["/usr/sbin/iptables", "-N", "DOCKER-USER"]);
    for chain in ["DOCKER-USER", "INPUT"] {
        namespace.run(&["/usr/sbin/iptables", "-A", chain, "-j", "ACCEPT"]);
        namespace.run(&[
            "/usr/sbin/iptables",
            "-A",
            chain,
            "-s",
            "198.51.100.1",
            "-m",
            "comment",
            "--comment",
            "by hand",
            "-j",
            "DROP",
        ]);
    }
    let attacker = of("203.0.113.7");
    let placed = block(&firewall, &attacker, &[], PATIENT).await.unwrap();
    assert_eq!(placed, [(Chain::DockerUser, Placed::Inserted), (Chain::Input, Placed::Inserted)]);
    let placed = block(&firewall, &attacker, &[], PATIENT).await.unwrap();
    assert_eq!(placed, [(Chain::DockerUser, Placed::WasThere), (Chain::Input, Placed::WasThere)]);
    for chain in ["DOCKER-USER", "INPUT"] {
        let listed = namespace.run(&["/usr/sbin/iptables", "-S", chain]);
        let first = listed.lines().nth(1).unwrap();
        let rule = "-s 203.0.113.7/32 -m comment --comment \"acgs-block:ada:2026-11-26T10:00:00Z\" -j DROP";
        assert_eq!(first, format!("-A {chain} {rule}"), "{listed}");
        assert_eq!(listed.lines().count(), 4, "{listed}");
    }

    // What it sends is counted and dropped.
    assert!(all(&firewall).await.iter().all(|one| one.packets == 0 && one.block == attacker));
    namespace.run(&["/usr/sbin/ip", "link", "set", "lo", "up"]);
    namespace.run(&["/usr/sbin/ip", "address", "add", "203.0.113.7/32", "dev", "lo"]);
    namespace.run(&["/usr/bin/bash", "-c", "echo hello >/dev/udp/203.0.113.7/9"]);
    let counted = all(&firewall).await;
    let input = counted.iter().find(|one| one.chain == Chain::Input).unwrap();
    assert!(input.packets >= 1 && input.bytes > 0, "{counted:?}");
    assert_eq!(counted.len(), 2, "nobody else's rule is among them");

    // Another one for the same address ends at another time, and stays.
    let longer = Block::new(attacker.network, Blocker::named("bo"), "2026-12-26T10:00:00Z".parse().unwrap());
    block(&firewall, &longer, &[], PATIENT).await.unwrap();
    namespace.run(&[
        "/usr/sbin/iptables",
        "-I",
        "INPUT",
        "1",
        "-s",
        "203.0.113.7",
        "-m",
        "comment",
        "--comment",
        &attacker.comment(),
        "-j",
        "DROP",
    ]);
    assert_eq!(unblock(&firewall, &attacker, PATIENT).await, Ok(3), "however often it stands there");
    assert_eq!(unblock(&firewall, &attacker, PATIENT).await, Ok(0));
    let left: Vec<Block> = all(&firewall).await.into_iter().map(|one| one.block).collect();
    assert_eq!(left, [longer.clone(), longer]);
    assert_eq!(namespace.run(&["/usr/sbin/iptables", "-S", "INPUT"]).lines().count(), 4);
}

#[tokio::test]
async fn ipv6_has_a_program_of_its_own_and_a_chain_that_is_not_there_is_told() {
    let namespace = Namespace::new("v6");
    let firewall = namespace.firewall();
    let placed = block(&firewall, &of("2001:db8::/48"), &[], PATIENT).await.unwrap();
    assert_eq!(placed, [(Chain::DockerUser, Placed::NoChain), (Chain::Input, Placed::Inserted)]);
    assert!(namespace.run(&["/usr/sbin/ip6tables", "-S", "INPUT"]).contains("-s 2001:db8::/48"));
    assert!(!namespace.run(&["/usr/sbin/iptables", "-S", "INPUT"]).contains("DROP"));
    assert_eq!(all(&firewall).await[0].block, of("2001:db8::/48"));
    assert_eq!(unblock(&firewall, &of("2001:db8::/48"), PATIENT).await, Ok(1));
}

#[tokio::test]
async fn what_the_platform_needs_is_refused_before_any_program_is_run() {
    let nothing = Firewall { v4: "/no/such/program".to_owned(), v6: "/no/such/program".to_owned() };
    let own = [network("172.18.0.0/16")];
    for (text, why) in [
        ("0.0.0.0/0", BlockRefusal::TooWide),
        ("::/0", BlockRefusal::TooWide),
        ("127.0.0.1", BlockRefusal::Loopback),
        ("172.18.0.5", BlockRefusal::Own(own[0])),
    ] {
        let refused = block(&nothing, &of(text), &own, PATIENT).await.unwrap_err();
        assert!(
            matches!(&refused, HostError::Refused { why: said, .. } if *said == why.to_string()),
            "{refused}"
        );
    }
    let missing = block(&nothing, &of("203.0.113.7"), &own, PATIENT).await.unwrap_err();
    assert!(missing.to_string().starts_with("/no/such/program: it did not start"), "{missing}");
}

#[tokio::test]
async fn half_a_block_is_taken_back() {
    let namespace = Namespace::new("half");
    namespace.run(&["/usr/sbin/iptables", "-N", "DOCKER-USER"]);
    // A firewall that fails at the second chain.
    let path = namespace.folder.path().join("iptables");
    let text = fs::read_to_string(&path).unwrap();
    let text =
        text.replacen("exec ", "case \"$*\" in *'-I INPUT'*) echo 'no memory' >&2; exit 4;; esac\nexec ", 1);
    fs::write(&path, text).unwrap();
    let failed = block(&namespace.firewall(), &of("203.0.113.7"), &[], PATIENT).await.unwrap_err();
    assert!(failed.to_string().ends_with(": no memory"), "{failed}");
    assert_eq!(all(&namespace.firewall()).await, []);
}

#[test]
fn nothing_but_the_bot_s_own_rule_is_taken_for_one() {
    let rule = "-A INPUT -s 203.0.113.7/32 -m comment --comment \"acgs-block:ada:2026-11-26T10:00:00Z\" -c 3 180 -j DROP";
    let parsed = parse(rule, Chain::Input).unwrap();
    assert_eq!((parsed.block, parsed.packets, parsed.bytes), (of("203.0.113.7"), 3, 180));
    assert_eq!(parse(rule, Chain::DockerUser), None);
    for (was, is) in [
        ("-j DROP", "-j ACCEPT"),
        ("-j DROP", "-j DROP -x"),
        ("-s 203", "! -s 203"),
        ("-m comment", "-p tcp -m comment"),
        ("acgs-block:ada", "acgs-other:ada"),
        ("2026-11-26T10:00:00Z", "soon"),
        ("-c 3 180", "-c x 180"),
        ("203.0.113.7/32", "attacker"),
    ] {
        assert_eq!(parse(&rule.replace(was, is), Chain::Input), None, "{is}");
    }
}

#[test]
fn the_machines_own_networks_are_known() {
    let own = own_networks().unwrap();
    assert!(own.contains(&network("127.0.0.1")), "{own:?}");
    assert_eq!(network("127.0.0.1").may_be_blocked(&own), Err(BlockRefusal::Loopback));
}
