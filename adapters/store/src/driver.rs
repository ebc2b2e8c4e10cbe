//! One text for two drivers. sqlx types a query by its database, so the same body is expanded once
//! for each: `per_driver` for functions, `reading`, `writing` and `transacting` for the choice at run time.
//!
//! Bodies that write and return rows use `fetch_all` only. sqlx leaves a SQLite statement at the
//! first row of a `fetch_optional`, and the reset that ends it then hides a commit that fails.

/// Expands functions into a module `sqlite` and a module `postgres`, where `Connection` is the driver's.
macro_rules! per_driver {
    ($($item:item)*) => {
        pub(crate) mod sqlite {
            use super::*;
            use sqlx::SqliteConnection as Connection;
            $($item)*
        }

        pub(crate) mod postgres {
            use super::*;
            use sqlx::PgConnection as Connection;
            $($item)*
        }
    };
}

/// Runs a reading body on a connection of the pool.
macro_rules! reading {
    ($store:expr, $body:ident($($argument:expr),*)) => {
        match &*$store.database {
            $crate::Database::Sqlite(db) => {
                sqlite::$body(&mut *db.readers.acquire().await?, $($argument),*).await
            }
            $crate::Database::Postgres(pool) => {
                $crate::postgres::in_time(async {
                    postgres::$body(&mut *pool.acquire().await?, $($argument),*).await
                })
                .await
            }
        }
    };
}

/// Runs a body that is one writing statement: through the writer on SQLite, by itself on PostgreSQL.
macro_rules! writing {
    ($store:expr, $body:ident($arguments:expr)) => {
        match &*$store.database {
            $crate::Database::Sqlite(db) => {
                db.writer
                    .statement($arguments, |unit, arguments| {
                        Box::pin(sqlite::$body(&mut unit.connection, arguments))
                    })
                    .await
            }
            $crate::Database::Postgres(pool) => {
                $crate::postgres::in_time(async {
                    postgres::$body(&mut *pool.acquire().await?, &$arguments).await
                })
                .await
            }
        }
    };
}

/// Runs a body of several writing statements, which happen all or not at all.
macro_rules! transacting {
    ($store:expr, $body:ident($arguments:expr)) => {
        match &*$store.database {
            $crate::Database::Sqlite(db) => {
                db.writer
                    .transaction($arguments, |unit, arguments| {
                        Box::pin(sqlite::$body(&mut unit.connection, arguments))
                    })
                    .await
            }
            $crate::Database::Postgres(pool) => {
                $crate::postgres::in_time(async {
                    let mut transaction = pool.begin().await?;
                    let result = postgres::$body(&mut *transaction, &$arguments).await?;
                    transaction.commit().await?;
                    Ok(result)
                })
                .await
            }
        }
    };
}
