//! Look-ups about logins to the platform.

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Logs in as the canary.
pub async fn test(app: &App) -> Performed {
    let Some(canary) = &app.executors.canary else {
        return Performed::done(report::not_configured("auth"), News::Bad);
    };
    let login = canary.log_in(DEADLINE).await;
    Performed::done(report::canary(&login, clock::now()), news(login.works()))
}
