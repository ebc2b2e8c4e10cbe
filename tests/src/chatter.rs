//! The bot's web chat, spoken to without a browser.

use std::time::Duration;

use crate::bot::Bot;

/// Somebody on the bot's web chat.
pub struct Chatter {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Chatter {
    /// Logs in as the viewer of [`people`](crate::people).
    ///
    /// # Panics
    /// When the bot has no web chat or takes nobody in.
    pub async fn log_in(bot: &Bot) -> Self {
        let base = format!("http://{}", bot.web.expect("the setup has [web]"));
        let link = bot.run(&["web-login", "Cy"]).await;
        assert_eq!(link.code, 0, "{link:?}");
        let token = link.out.trim().split("token=").nth(1).expect("a token").to_owned();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        let answer = client
            .post(format!("{base}/login"))
            .header("origin", &base)
            .json(&serde_json::json!({ "token": token }))
            .send()
            .await
            .expect("the login");
        assert!(answer.status().is_success() || answer.status().is_redirection(), "{}", answer.status());
        let cookie = answer.headers()["set-cookie"].to_str().expect("a cookie");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Self { client, base, cookie }
    }

    /// Types a line and returns the events up to its answer, which ends in the run's id.
    ///
    /// # Panics
    /// When there is none within ten seconds.
    pub async fn ask(&self, line: &str) -> String {
        let id = format!("{:016x}", rand::random::<u64>());
        let mut events = self
            .client
            .get(format!("{}/api/events", self.base))
            .header("cookie", &self.cookie)
            .send()
            .await
            .expect("events");
        let mut heard = String::new();
        // Everything said before is sent first; then comes `ready`.
        while !heard.contains("event: ready") {
            heard.push_str(&String::from_utf8_lossy(
                &events.chunk().await.expect("events").expect("an open stream"),
            ));
        }
        let answer = self
            .client
            .post(format!("{}/api/line", self.base))
            .header("cookie", &self.cookie)
            .header("origin", &self.base)
            .json(&serde_json::json!({ "id": id, "room": "incidents", "line": line }))
            .send()
            .await
            .expect("the line is taken");
        assert!(answer.status().is_success(), "{}", answer.status());
        let run = regex::Regex::new("run [0-9a-f]{12}").expect("a pattern");
        let mut news = String::new();
        while !run.is_match(&news) {
            news.push_str(&String::from_utf8_lossy(
                &events.chunk().await.expect("events").expect("an open stream"),
            ));
        }
        news
    }
}
