//! Addresses are shut out for a time and let in again, at a firewall of the test's own.

use std::time::Duration;

use e2e::acting::{SOON, Scene};
use e2e::firewall::Firewall;
use e2e::people::{BO, CY, DEE};
use e2e::stack::Stack;
use e2e::wait::eventually;

/// Rules are few and quick.
const DONE: Duration = Duration::from_secs(60);
const RULE: &str = "-s 203.0.113.7/32 -m comment --comment \"acgs-block:Dee:";

async fn scene(firewall: &Firewall) -> Scene {
    let stack = Stack::take().await;
    let setup = stack.setup().with(&firewall.toml("198.51.100.0/24"));
    Scene::on(stack, setup).await
}

fn blocked(firewall: &Firewall) -> [bool; 2] {
    ["DOCKER-USER", "INPUT"].map(|chain| {
        let rules = firewall.rules("iptables", chain);
        rules.lines().nth(1).is_some_and(|first| first.starts_with(&format!("-A {chain} {RULE}")))
    })
}

#[tokio::test]
async fn an_address_is_shut_out_by_vote_and_let_in_when_its_time_is_over_also_after_a_restart() {
    let firewall = Firewall::new();
    for chain in ["DOCKER-USER", "INPUT"] {
        firewall.run(&["/usr/sbin/iptables", "-A", chain, "-j", "ACCEPT"]);
    }
    let mut scene = scene(&firewall).await;
    let card = scene.asks(DEE, "security block 203.0.113.7 1m").await;
    let shown = card.visible();
    for words in
        ["203.0.113.7", "DOCKER-USER", "security unblock 203.0.113.7", "the vote of 1 other approver"]
    {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert_eq!(blocked(&firewall), [false, false], "nothing is done before the vote");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: security block 203.0.113.7 1m", DONE).await;
    assert_eq!(blocked(&firewall), [true, true]);
    scene.message("at the top of DOCKER-USER, at the top of INPUT", SOON).await;
    // What it sends is counted.
    firewall.run(&["/usr/sbin/ip", "link", "set", "lo", "up"]);
    firewall.run(&["/usr/sbin/ip", "address", "add", "203.0.113.7/32", "dev", "lo"]);
    firewall.run(&["/usr/bin/bash", "-c", "echo hello >/dev/udp/203.0.113.7/9"]);
    scene.types(CY, "security blocks").await;
    let listed = scene.message("1 address is shut out", SOON).await.visible();
    assert!(
        listed.contains("203.0.113.7  Dee") && listed.contains("security unblock 203.0.113.7"),
        "{listed}"
    );
    scene.types(DEE, "security block 203.0.113.7 2h").await;
    scene.message("Shut out already", SOON).await;
    // Its end is in the store, and not in a process.
    scene.bot.kill().await;
    assert_eq!(blocked(&firewall), [true, true]);
    scene.bot.restart().await;
    scene.message("203.0.113.7 is let in again", Duration::from_secs(90)).await;
    assert_eq!(blocked(&firewall), [false, false]);
    for chain in ["DOCKER-USER", "INPUT"] {
        assert!(firewall.rules("iptables", chain).contains("ACCEPT"), "other people's rules stay");
    }
    let trail = scene.bot.line(&["audit", "--last", "20"], false).await;
    assert!(trail.out.contains("security unblock 203.0.113.7"), "{trail:?}");
}

#[tokio::test]
async fn what_the_platform_needs_is_refused_and_ipv6_goes_its_own_way() {
    let firewall = Firewall::new();
    let scene = scene(&firewall).await;
    for (line, reason) in [
        ("security block 198.51.100.9 1d", "198.51.100.0/24 is one of the platform's own"),
        ("security block 127.0.0.1 1d", "that is this machine itself"),
        ("security block 0.0.0.0/0 1d", "too much of the internet"),
        ("security block fe80::1 1d", "link-local"),
        ("security unblock 203.0.113.8", "no rule for exactly 203.0.113.8"),
        ("security block nobody 1d", "write an address as"),
        ("security block 203.0.113.7 90d", "from 1m to 30d"),
    ] {
        scene.types(DEE, line).await;
        scene.message(reason, SOON).await;
    }
    // One of the machine's own networks, whatever the configuration says.
    let own = exec_host::own_networks().unwrap();
    let private = own.iter().find(|network| network.prefix() < 32 && !network.is_v6());
    if let Some(network) = private {
        scene.types(DEE, &format!("security block {network} 1d")).await;
        scene.message(&format!("{network} is one of the platform's own"), SOON).await;
    }
    let card = scene.asks(DEE, "security block 2001:db8:7::/48 1h").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: security block 2001:db8:7::/48 1h", DONE).await;
    let rules = firewall.rules("ip6tables", "INPUT");
    assert!(
        rules.contains("-s 2001:db8:7::/48") && !firewall.rules("iptables", "INPUT").contains("acgs"),
        "{rules}"
    );
    scene.message("no chain DOCKER-USER", SOON).await;
    let card = scene.asks(DEE, "security unblock 2001:db8:7::/48").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: security unblock 2001:db8:7::/48", DONE).await;
    assert!(!firewall.rules("ip6tables", "INPUT").contains("acgs"));
    scene.types(CY, "security blocks").await;
    scene.message("Nobody is shut out", SOON).await;
}

#[tokio::test]
async fn a_firewall_that_refuses_half_way_leaves_no_rule_and_one_taken_away_by_hand_is_told() {
    let firewall = Firewall::new();
    let scene = scene(&firewall).await;
    let card = scene.asks(DEE, "security block 203.0.113.7 1h").await;
    // The first rule is placed, the second one is refused.
    firewall.refuse(Some("-I INPUT"));
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Failed: security block 203.0.113.7 1h", DONE).await;
    scene.message("CAP_NET_ADMIN", SOON).await;
    assert_eq!(blocked(&firewall), [false, false]);
    // Nobody may even look.
    firewall.refuse(Some(""));
    scene.types(DEE, "security block 203.0.113.9 1h").await;
    scene.message("The firewall could not be asked", SOON).await;
    firewall.refuse(None);
    let card = scene.asks(DEE, "security block 203.0.113.7 2h").await;
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.says(&card, "Done: security block 203.0.113.7 2h", DONE).await;
    firewall.run(&["/usr/sbin/iptables", "-F"]);
    scene.types(CY, "security blocks").await;
    let gone = scene.message("1 of 1 blocks are gone", SOON).await.visible();
    assert!(gone.contains("203.0.113.7 until"), "{gone}");
}

#[tokio::test]
async fn a_bot_that_dies_at_the_rule_places_it_once_and_keeps_its_end() {
    let firewall = Firewall::new();
    for failpoint in ["after-step-begun", "after-step-acted"] {
        let mut scene = scene(&firewall).await;
        scene.bot.stop().await;
        scene.bot.set("ACGS_FAILPOINT", Some(failpoint));
        scene.bot.restart().await;
        scene.slack.wait_sockets(2, SOON).await;
        let card = scene.asks(DEE, "security block 203.0.113.7 1h").await;
        scene.slack.react(BO, &card, "white_check_mark").await;
        scene.bot.dies(DONE).await;
        scene.bot.set("ACGS_FAILPOINT", None);
        scene.bot.restart().await;
        scene.says(&card, "Done: security block 203.0.113.7 1h", DONE).await;
        assert_eq!(blocked(&firewall), [true, true]);
        assert_eq!(firewall.rules("iptables", "INPUT").matches("acgs-block").count(), 1, "{failpoint}");
        scene.slack.wait_sockets(2, SOON).await;
        let card = scene.asks(DEE, "security unblock 203.0.113.7").await;
        scene.slack.react(BO, &card, "white_check_mark").await;
        scene.says(&card, "Done: security unblock 203.0.113.7", DONE).await;
        eventually(SOON, "no rule", async || (blocked(&firewall) == [false, false]).then_some(())).await;
    }
}
