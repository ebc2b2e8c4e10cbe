//! Look-ups in the platform's database.

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, report};

/// Who holds its connections.
pub async fn connections(app: &App) -> Performed {
    let Some(postgres) = &app.executors.postgres else {
        return Performed::done(report::not_configured("postgres"), News::Bad);
    };
    match postgres.connections(DEADLINE).await {
        Ok(connections) => {
            let well = !connections.seats.are_scarce();
            Performed::done(report::connections(&connections, clock::now()), news(well))
        }
        Err(error) => Performed::failed(report::unavailable("PostgreSQL", &error.to_string())),
    }
}
