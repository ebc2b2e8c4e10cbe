//! Look-ups of the platform's containers.

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// All containers of the platform.
pub async fn ps(app: &App) -> Performed {
    let Some(docker) = &app.executors.docker else {
        return Performed::done(report::not_configured("docker"), News::Bad);
    };
    match docker.list(DEADLINE).await {
        Ok(listed) => {
            let well = !listed.iter().any(report::is_out_of_service);
            Performed::done(report::ps(&listed, clock::now()), news(well))
        }
        Err(error) => Performed::failed(report::unavailable("Docker", &error.to_string())),
    }
}
