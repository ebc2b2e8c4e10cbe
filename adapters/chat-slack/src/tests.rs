use super::*;
use crate::SlackMode::{Http, Socket};

fn config(api_url: &str, bot_token: &str, mode: SlackMode) -> SlackConfig {
    let now = || Timestamp::UNIX_EPOCH;
    SlackConfig { api_url: api_url.parse().unwrap(), bot_token: bot_token.into(), mode, now }
}

fn socket(app_token: &str) -> SlackMode {
    Socket { app_token: app_token.into() }
}

fn http(signing_secret: &str) -> SlackMode {
    Http { signing_secret: signing_secret.into() }
}

#[test]
fn a_configuration_that_can_not_work_is_refused_with_its_key() {
    let slack = "https://slack.com/api/";
    let cases = [
        (
            config("http://slack.com/api/", "xoxb-1", socket("xapp-1")),
            "slack.api_url must begin with https://",
        ),
        (config("ftp://127.0.0.1/", "xoxb-1", socket("xapp-1")), "slack.api_url must begin with https://"),
        (config(slack, "", socket("xapp-1")), "slack.bot_token is empty"),
        (config(slack, "xapp-1", socket("xapp-1")), "slack.bot_token is an app-level token"),
        (config(slack, "xoxb-1", socket("")), "slack.app_token is empty"),
        (config(slack, "xoxb-1", socket("xoxb-1")), "slack.app_token is a bot token"),
        (config(slack, "xoxb-1", http("")), "slack.signing_secret is empty"),
    ];
    for (config, expected) in cases {
        let error = SlackChat::new(config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn the_address_may_end_with_a_slash_and_be_plain_on_loopback() {
    for address in
        ["https://slack.com/api", "https://slack.com/api/", "http://127.0.0.1:9/api", "http://[::1]:9/"]
    {
        assert!(SlackChat::new(config(address, "xoxb-1", socket("xapp-1"))).is_ok(), "{address}");
    }
}

#[tokio::test]
async fn no_secret_is_in_what_is_printed_for_debugging() {
    for mode in [socket("xapp-1-secret"), http("secret")] {
        let config = config("https://slack.com/api", "xoxb-secret", mode);
        let printed = format!("{config:?} {:?}", SlackChat::new(config.clone()).unwrap());
        assert!(!printed.contains("secret\""), "{printed}");
        assert!(!printed.contains("-secret"), "{printed}");
    }
}

#[tokio::test]
async fn liveness_is_down_until_a_socket_is_open() {
    let chat = SlackChat::new(config("https://slack.com/api", "xoxb-1", socket("xapp-1"))).unwrap();
    assert_eq!(chat.liveness(), Liveness::Down("not connected yet".to_owned()));
    let chat = SlackChat::new(config("https://slack.com/api", "xoxb-1", http("s"))).unwrap();
    assert_eq!(chat.liveness(), Liveness::Live);
}
