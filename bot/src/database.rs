//! Look-ups in the platform's database.

use commands::database::{IdleIndex, LongSession, SlowBy, SlowStatements};
use commands::intent::WINDOW_DEFAULT;
use commands::message::Reply;
use commands::period::Period;
use commands::plot::{Course, Wanted};
use exec_postgres::{Postgres, PostgresError};

use crate::app::App;
use crate::health::DEADLINE;
use crate::performed::{News, Performed, news};
use crate::{clock, plot, report};

/// Whether it answers.
pub async fn ping(app: &App) -> Performed {
    asked(app, async |postgres| {
        let pinged = postgres.pinged(DEADLINE).await;
        let well = !pinged.health.is_concern();
        Ok((report::pinged(&pinged, clock::now()), well))
    })
    .await
}

/// Who holds its connections.
pub async fn connections(app: &App) -> Performed {
    asked(app, async |postgres| {
        let course = Course::Connections { database: postgres.database().to_owned() };
        let wanted = Wanted::over(course, WINDOW_DEFAULT);
        let asking = postgres.connections(DEADLINE);
        let (connections, history) = tokio::join!(asking, plot::history(app, &wanted));
        let connections = connections?;
        let seats = connections.seats;
        let reply = report::connections(&connections, clock::now());
        let limit = f64::from(seats.max.saturating_sub(seats.reserved));
        let reply = plot::beside(app, reply, &wanted, history, Some(limit)).await;
        Ok((reply, !seats.are_scarce()))
    })
    .await
}

/// What goes on for too long.
pub async fn long_queries(app: &App, over: Period) -> Performed {
    asked(app, async |postgres| {
        let long = postgres.long_queries(over.into(), DEADLINE).await?;
        let well = !long.sessions.iter().any(LongSession::is_concern);
        Ok((report::long_queries(&long, over, clock::now()), well))
    })
    .await
}

/// Who waits for whom.
pub async fn locks(app: &App) -> Performed {
    asked(app, async |postgres| {
        let sessions = postgres.locks(DEADLINE).await?;
        Ok((report::locks(&sessions, clock::now()), sessions.is_empty()))
    })
    .await
}

/// What its statements cost.
pub async fn slow(app: &App, by: SlowBy) -> Performed {
    asked(app, async |postgres| {
        let slow = postgres.slow(by, DEADLINE).await?;
        let well = matches!(slow, SlowStatements::Read { .. });
        Ok((report::slow(&slow, by, clock::now()), well))
    })
    .await
}

/// The table of users.
pub async fn users(app: &App) -> Performed {
    asked(app, async |postgres| match postgres.users(DEADLINE).await? {
        Some(users) => Ok((report::users(&users, clock::now()), !users.is_concern())),
        None => Ok((report::no_users(), false)),
    })
    .await
}

/// Indexes that help nobody.
pub async fn unused_indexes(app: &App) -> Performed {
    asked(app, async |postgres| {
        let idle = postgres.idle_indexes(DEADLINE).await?;
        let well = !idle.indexes.iter().any(IdleIndex::is_broken);
        Ok((report::unused_indexes(&idle, clock::now()), well))
    })
    .await
}

/// An answer of the database and whether it is well, or why there is none.
async fn asked(
    app: &App,
    ask: impl AsyncFnOnce(&Postgres) -> Result<(Reply, bool), PostgresError>,
) -> Performed {
    let Some(postgres) = &app.executors.postgres else {
        return Performed::done(report::not_configured("postgres"), News::Bad);
    };
    match ask(postgres).await {
        Ok((reply, well)) => Performed::done(reply, news(well)),
        Err(error) => Performed::failed(report::unavailable("PostgreSQL", &error.to_string())),
    }
}
