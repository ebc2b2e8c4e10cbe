use super::*;

fn config(api_url: &str) -> DiscordConfig {
    // Another test of this binary may have installed it.
    drop(rustls::crypto::ring::default_provider().install_default());
    DiscordConfig {
        api_url: Url::parse(api_url).expect("an address"),
        token: SecretString::from("SECRET"),
        application_id: 9,
        guild_id: None,
        rooms: vec![Room::new(Platform::Discord, "4"), Room::new(Platform::Slack, "C1")],
        tree: commands::grammar::Grammar::new(Vec::new()).tree().clone(),
        complete: Arc::new(|_, _| Vec::new()),
        leave: None,
        now: || Timestamp::UNIX_EPOCH,
    }
}

fn refused(config: DiscordConfig) -> String {
    DiscordChat::new(config).expect_err("refused").to_string()
}

#[test]
fn the_token_goes_to_https_or_loopback_only() {
    for good in [
        "https://discord.com",
        "https://discord.com/",
        "http://127.0.0.1:8080",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        assert!(DiscordChat::new(config(good)).is_ok(), "{good}");
    }
    for bad in
        ["http://discord.com", "ftp://discord.com", "https://discord.com/api/v10", "https://discord.com?x=1"]
    {
        assert!(refused(config(bad)).starts_with("[discord] api_url: "), "{bad}");
    }
}

#[test]
fn a_wrong_value_is_named() {
    let good = "https://discord.com";
    let token = DiscordConfig { token: SecretString::from(" "), ..config(good) };
    assert_eq!(refused(token), "[discord] token: it is empty; copy it from the developer portal, page Bot");
    let token = DiscordConfig { token: SecretString::from("a\nb"), ..config(good) };
    assert!(refused(token).starts_with("[discord] token: it has characters"));
    let application = DiscordConfig { application_id: 0, ..config(good) };
    assert!(refused(application).starts_with("[discord] application_id: it is 0"));
    let rooms = DiscordConfig { rooms: vec![Room::new(Platform::Discord, "incidents")], ..config(good) };
    assert!(refused(rooms).contains("discord:incidents is no channel"));
}

#[test]
fn what_is_printed_holds_no_secret() {
    let chat = DiscordChat::new(config("https://discord.com")).expect("valid");
    assert_eq!(format!("{chat:?}"), "DiscordChat { application: 9, .. }");
    assert_eq!(chat.liveness(), Liveness::Down("not connected yet".to_owned()));
}
