//! Logging in to the web chat: a one-time link printed on the host, then a session cookie.
//! The store holds hashes alone, so neither a copy of it nor a backup logs anybody in.

use std::sync::Arc;
use std::time::Duration;

use chat_web::{Logins, NewSession, WebMode};
use commands::ids::Platform;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use store::{LoginKind, Store, StoreError};

use crate::clock;
use crate::config::People;

/// A link is good for this long, once.
const LINK: SignedDuration = SignedDuration::from_mins(15);
/// A session is good for a shift.
const SESSION: SignedDuration = SignedDuration::from_hours(12);

/// 256 random bits in hex.
fn new_token() -> SecretString {
    let mut bytes = [0u8; 32];
    rand::rng().fill(&mut bytes);
    SecretString::from(hex::encode(bytes))
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// A new one-time token for the person with this web account.
pub async fn new_link(store: &Store, person: &str, now: Timestamp) -> Result<SecretString, StoreError> {
    let token = new_token();
    store.put_login(&hash(token.expose_secret()), LoginKind::Link, person, now + LINK).await?;
    Ok(token)
}

/// How the web chat logs people in. Someone taken out of the configuration has no session any more.
#[must_use]
pub fn mode(store: Store, people: &People) -> WebMode {
    let keys: Arc<Vec<String>> = Arc::new(
        people
            .all()
            .iter()
            .flat_map(|person| &person.accounts)
            .filter(|account| account.platform == Platform::Web)
            .map(|account| account.id.clone())
            .collect(),
    );
    let known = move |key: String| keys.contains(&key).then_some(key);
    let (redeem_store, session_store, end_store) = (store.clone(), store.clone(), store);
    let (redeem_known, session_known) = (known.clone(), known);
    WebMode::Login(Logins {
        redeem: Arc::new(move |token| {
            let (store, known) = (redeem_store.clone(), redeem_known.clone());
            Box::pin(async move {
                redeem(&store, &token)
                    .await
                    .and_then(|(cookie, key)| Some((cookie, known(key)?)))
                    .map(session)
            })
        }),
        session: Arc::new(move |cookie| {
            let (store, known) = (session_store.clone(), session_known.clone());
            Box::pin(async move {
                logged(store.session(&hash(&cookie), clock::now()).await).flatten().and_then(known)
            })
        }),
        end: Arc::new(move |cookie| {
            let store = end_store.clone();
            Box::pin(async move {
                logged(store.end_session(&hash(&cookie)).await);
            })
        }),
    })
}

fn session((cookie, person): (SecretString, String)) -> NewSession {
    NewSession { cookie, person, max_age: Duration::try_from(SESSION).unwrap_or_default() }
}

async fn redeem(store: &Store, token: &str) -> Option<(SecretString, String)> {
    let now = clock::now();
    let person = logged(store.take_link(&hash(token), now).await).flatten()?;
    let cookie = new_token();
    logged(store.put_login(&hash(cookie.expose_secret()), LoginKind::Session, &person, now + SESSION).await)?;
    Some((cookie, person))
}

/// A store that fails logs nobody in.
fn logged<T>(result: Result<T, StoreError>) -> Option<T> {
    result
        .inspect_err(|error| tracing::error!(error = error as &dyn std::error::Error, "login not looked up"))
        .ok()
}
