//! Logins of the service that has them: `POST /auth/login` checks the users table and gives a
//! token, `GET /auth/verify` says whether a token was made with this service's key.
//!
//! A token is `hex(user).hex(HMAC-SHA256)` and has no end date: the runbook's rotation of the key is
//! what makes old ones void.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use sqlx::PgPool;

use crate::service::App;

/// Compared in the database, so that no hash travels.
const CHECK: &str = "SELECT password_sha256 = encode(sha256(convert_to(salt || $2, 'UTF8')), 'hex') \
                     FROM users WHERE email = $1";

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/auth/login", post(login)).route("/auth/verify", get(verify))
}

async fn login(State(app): State<Arc<App>>, Json(given): Json<Credentials>) -> Response {
    let (Some(key), Some(database)) = (&app.token_key, &app.database) else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "this service has no users");
    };
    match known(database, &given).await {
        Ok(true) => Json(json!({ "access_token": token(key, &given.username), "token_type": "bearer" }))
            .into_response(),
        Ok(false) => {
            app.telemetry.auth_failures("bad_credentials", 1);
            tracing::warn!("SECURITY failed login");
            refusal(StatusCode::UNAUTHORIZED, "Incorrect username or password")
        }
        Err(error) => {
            tracing::error!("the users table can't be read: {error}");
            refusal(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    }
}

async fn known(database: &PgPool, given: &Credentials) -> Result<bool, sqlx::Error> {
    let row = sqlx::query_scalar::<_, bool>(CHECK)
        .bind(&given.username)
        .bind(&given.password)
        .fetch_optional(database)
        .await?;
    Ok(row.unwrap_or(false))
}

async fn verify(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    let user = app.token_key.as_ref().zip(bearer).and_then(|(key, token)| user_of(key, token));
    match user {
        Some(user) => Json(json!({ "valid": true, "user": user })).into_response(),
        None => {
            app.telemetry.auth_failures("bad_token", 1);
            tracing::warn!("SECURITY invalid JWT");
            refusal(StatusCode::UNAUTHORIZED, "Could not validate credentials")
        }
    }
}

fn refusal(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

fn keyed(key: &SecretString, user: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(user.as_bytes());
    mac
}

fn token(key: &SecretString, user: &str) -> String {
    format!("{}.{}", hex::encode(user), hex::encode(keyed(key, user).finalize().into_bytes()))
}

fn user_of(key: &SecretString, token: &str) -> Option<String> {
    let (user, mac) = token.split_once('.')?;
    let user = String::from_utf8(hex::decode(user).ok()?).ok()?;
    keyed(key, &user).verify_slice(&hex::decode(mac).ok()?).ok()?;
    Some(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_under_its_own_key_alone() {
        let key = SecretString::from("one");
        let given = token(&key, "canary@acgs-pgp.example.com");
        assert_eq!(user_of(&key, &given).as_deref(), Some("canary@acgs-pgp.example.com"));
        assert_eq!(user_of(&SecretString::from("two"), &given), None);
        let other_user = format!("{}{}", hex::encode("root"), &given[given.find('.').unwrap()..]);
        assert_eq!(user_of(&key, &other_user), None);
        for rubbish in ["", ".", "zz.zz", "616c696365"] {
            assert_eq!(user_of(&key, rubbish), None, "{rubbish}");
        }
    }
}
