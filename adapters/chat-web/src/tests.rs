//! The whole page over a real listener.

mod refused;
mod site;

use commands::ids::{Account, MessageRef, Place, Platform};
use commands::message::{
    EventKind, Liveness, Outgoing, Posted, ReactionChange, SendError, Target, Visibility,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::WebMode;
use crate::history::KEPT;
use site::{Event, Events, Site, answer, edit, logins, read, room};

fn texts(events: &[Event]) -> Vec<&str> {
    events.iter().filter(|event| event.name == "post").map(Event::text).collect()
}

fn message_id(posted: &Posted) -> String {
    match posted {
        Posted::Message(MessageRef { id, .. }) => id.clone(),
        Posted::ByToken | Posted::Ephemeral => panic!("the page's messages have ids"),
    }
}

#[tokio::test]
async fn a_line_becomes_an_event_and_is_shown() {
    let site = Site::demo().await;
    let mut page = site.events("bob:2", "").await;
    assert_eq!(page.until_ready().await[0].data, json!({ "how": "fresh" }));

    let (status, outcome) = site.line("ann", "act-1", " /acgs  health --wait 5 ").await;
    assert_eq!((status, outcome), (StatusCode::OK, json!({ "outcome": "accepted" })));

    let [event] = site.heard().try_into().unwrap();
    assert_eq!(event.delivery.to_string(), "web:ann:act-1");
    assert_eq!(event.from, Account::new(Platform::Web, "ann"));
    assert_eq!(event.place, Place::channel(room("incidents")));
    assert_eq!(event.at.to_string(), "2026-03-04T05:06:07Z");
    let EventKind::Command { line, answer } = event.kind else { panic!("a command") };
    assert_eq!(line, "health --wait 5");
    assert_eq!((answer.asker, answer.token), (event.from, None));

    let shown = page.post().await;
    assert_eq!(shown.data["by"], json!({ "key": "ann", "name": "Ann" }));
    assert_eq!(shown.text(), " /acgs  health --wait 5 ");
    assert_eq!(shown.data["at"], "2026-03-04T05:06:07Z");
}

#[tokio::test]
async fn the_same_act_again_is_the_same_delivery() {
    let site = Site::demo().await;
    assert_eq!(site.line("ann", "x", "health").await.1["outcome"], "accepted");
    assert_eq!(site.line("ann", "x", "health").await.1["outcome"], "repeat");
    // Another person's act is another delivery, even under the same id.
    assert_eq!(site.line("bob:2", "x", "health").await.1["outcome"], "accepted");
    let ids: Vec<_> = site.heard().into_iter().map(|event| event.delivery.id).collect();
    assert_eq!(ids, ["ann:x", "bob:2:x"]);
    assert_eq!(texts(&site.events("ann", "").await.until_ready().await), ["health", "health"]);
}

#[tokio::test]
async fn what_could_not_be_stored_is_said_and_not_shown() {
    let site = Site::demo().await;
    let (status, body) = site.line("ann", "x", "disk full").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body["error"].as_str().unwrap().contains("could not store"), "{body}");
    let (status, _) = site.line("ann", "y", "panic").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(texts(&site.events("ann", "").await.until_ready().await).is_empty());
}

#[tokio::test]
async fn a_post_appears_and_an_edit_changes_it_in_place() {
    let site = Site::demo().await;
    let mut page = site.events("ann", "").await;
    page.until_ready().await;

    let first = answer("slot-1", "ann", Visibility::Public, "Looking…");
    let sent = site.chat.send(&first).await.unwrap();
    let shown = page.post().await;
    assert_eq!((shown.text(), &shown.data["id"]), ("Looking…", &json!(message_id(&sent.posted))));
    assert_eq!(shown.data["by"], Value::Null);
    assert_eq!(shown.data["card"]["sections"], json!([{ "next": ["health"] }]));
    assert_eq!(shown.data["card"]["tone"], "bad");

    // A repeated try is neither a second message nor news.
    assert_eq!(site.chat.send(&first).await.unwrap(), sent);
    let again = site.events("ann", "").await.until_ready().await;
    assert_eq!((again[1].text(), &again[1].data["edited_at"]), ("Looking…", &Value::Null));
    assert_eq!(site.chat.send(&edit(&first, &sent.posted, "Done")).await.unwrap(), sent);
    let edited = page.post().await;
    assert_eq!((edited.text(), &edited.data["id"]), ("Done", &shown.data["id"]));
    assert_eq!(edited.data["edited_at"], "2026-03-04T05:06:07Z");
    assert_eq!(texts(&site.events("ann", "").await.until_ready().await), ["Done"]);
}

#[tokio::test]
async fn an_edit_of_what_is_no_longer_kept_shows_it_anew() {
    let site = Site::demo().await;
    let earlier = answer("slot-1", "ann", Visibility::Private, "Before the restart");
    let posted = Posted::Message(MessageRef { room: room("incidents"), id: "7".to_owned() });
    let sent = site.chat.send(&edit(&earlier, &posted, "After")).await.unwrap();
    assert_ne!(sent.posted, posted);
    assert_eq!(texts(&site.events("ann", "").await.until_ready().await), ["After"]);
    assert!(texts(&site.events("bob:2", "").await.until_ready().await).is_empty());
}

#[tokio::test]
async fn a_private_answer_and_its_line_reach_the_asker_alone() {
    let site = Site::demo().await;
    let (mut ann, mut bob) = (site.events("ann", "").await, site.events("bob:2", "").await);
    ann.until_ready().await;
    bob.until_ready().await;

    site.line("ann", "1", "secret").await;
    let private = answer("p", "ann", Visibility::Private, "For Ann");
    let sent = site.chat.send(&private).await.unwrap();
    site.chat.send(&answer("q", "ann", Visibility::Public, "For all")).await.unwrap();

    let (line, card) = (ann.post().await, ann.post().await);
    assert_eq!((line.text(), card.text(), ann.post().await.text()), ("secret", "For Ann", "For all"));
    assert_eq!((&line.data["private"], &card.data["private"]), (&json!(true), &json!(true)));
    assert_eq!(bob.post().await.text(), "For all");
    assert_eq!(texts(&site.events("bob:2", "").await.until_ready().await), ["For all"]);

    let id = message_id(&sent.posted);
    let file = format!("/api/file?as=bob:2&room=incidents&message={id}");
    assert_eq!(site.get(&file).await.0, StatusCode::NOT_FOUND);
    let click = json!({ "id": "c", "room": "incidents", "message": id, "value": "run:1" });
    assert_eq!(site.post("/api/click?as=bob:2", &click).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_quick_answer_stands_after_its_line() {
    let site = Site::demo().await;
    site.line("ann", "1", "quick").await;
    let mut events = site.events("ann", "").await.until_ready().await;
    events.retain(|event| event.name == "post");
    events.sort_by_key(|event| event.data["id"].as_str().unwrap().to_owned());
    assert_eq!(texts(&events), ["quick", "Quick"]);
}

#[tokio::test]
async fn a_page_that_goes_away_in_the_middle_leaves_the_line_shown() {
    let site = Site::demo().await;
    let mut page = site.events("ann", "").await;
    page.until_ready().await;
    let body = json!({ "id": "1", "room": "incidents", "line": "wait" });
    let request = site.request(Method::POST, "/api/line?as=ann").json(&body).send();
    let going_away = tokio::spawn(request);
    while site.heard().is_empty() {
        tokio::task::yield_now().await;
    }
    going_away.abort();
    assert!(going_away.await.unwrap_err().is_cancelled());
    // The server has noticed once it has answered another request on a new connection.
    site.get("/api/people").await;
    site.gate.add_permits(1);
    assert_eq!(page.post().await.text(), "wait");
}

#[tokio::test]
async fn a_page_that_comes_back_gets_what_it_missed() {
    let site = Site::demo().await;
    let first = answer("a", "ann", Visibility::Public, "A");
    let posted = site.chat.send(&first).await.unwrap().posted;
    site.chat.send(&answer("b", "ann", Visibility::Public, "B")).await.unwrap();
    let events = site.events("ann", "").await.until_ready().await;
    let last = events.last().unwrap().id.clone();

    site.chat.send(&edit(&first, &posted, "A2")).await.unwrap();
    site.chat.send(&answer("c", "ann", Visibility::Public, "C")).await.unwrap();
    let missed = site.events("ann", &last).await.until_ready().await;
    assert_eq!(missed[0].data, json!({ "how": "resumed" }));
    assert_eq!(texts(&missed), ["A2", "C"]);

    // The page's own second way to say it, and ids of another process or of nobody.
    let path = format!("/api/events?as=ann&after={last}");
    let missed = Events::open(site.request(Method::GET, &path)).await.until_ready().await;
    assert_eq!(texts(&missed), ["A2", "C"]);
    for foreign in ["0000000000000000-2", "x", &format!("{last}9999999")] {
        let all = site.events("ann", foreign).await.until_ready().await;
        assert_eq!((&all[0].data["how"], texts(&all)), (&json!("fresh"), vec!["B", "A2", "C"]), "{foreign}");
    }
}

#[tokio::test]
async fn a_full_room_forgets_its_oldest_and_a_page_that_missed_them_begins_anew() {
    let site = Site::demo().await;
    site.chat.send(&answer("first", "ann", Visibility::Public, "First")).await.unwrap();
    let events = site.events("ann", "").await.until_ready().await;
    let last = events.last().unwrap().id.clone();
    for number in 0..=KEPT {
        let slot = format!("s{number}");
        site.chat.send(&answer(&slot, "ann", Visibility::Public, &slot)).await.unwrap();
    }
    let all = site.events("ann", &last).await.until_ready().await;
    assert_eq!(all[0].data["how"], "fresh");
    let texts = texts(&all);
    assert_eq!((texts.len(), texts[0], texts[KEPT - 1]), (KEPT, "s1", format!("s{KEPT}").as_str()));
}

#[tokio::test]
async fn a_page_too_slow_for_a_flood_begins_anew() {
    let site = Site::demo().await;
    let mut page = site.events("ann", "").await;
    page.until_ready().await;
    // The stream is not polled in between: nothing in this loop waits.
    for number in 0..=KEPT {
        let slot = format!("s{number}");
        site.chat.send(&answer(&slot, "ann", Visibility::Public, &slot)).await.unwrap();
    }
    let all = page.until_ready().await;
    assert_eq!((&all[0].data["how"], texts(&all).len()), (&json!("fresh"), KEPT));
}

#[tokio::test]
async fn a_click_becomes_an_event_if_the_button_is_there() {
    let site = Site::demo().await;
    let sent = site.chat.send(&answer("a", "ann", Visibility::Public, "A")).await.unwrap();
    let id = message_id(&sent.posted);
    let click = |message: &str, value: &str| json!({ "id": "c", "room": "incidents", "message": message, "value": value });
    let (status, outcome) = site.post("/api/click?as=bob:2", &click(&id, "run:1")).await;
    assert_eq!((status, &outcome["outcome"]), (StatusCode::OK, &json!("accepted")));

    let [event] = site.heard().try_into().unwrap();
    let EventKind::Click { value, message, answer } = event.kind else { panic!("a click") };
    assert_eq!((value.as_str(), Posted::Message(message)), ("run:1", sent.posted));
    assert_eq!(answer.asker, Account::new(Platform::Web, "bob:2"));

    assert_eq!(site.post("/api/click?as=ann", &click(&id, "run:2")).await.0, StatusCode::CONFLICT);
    assert_eq!(site.post("/api/click?as=ann", &click("1", "run:1")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.heard().len(), 1);
}

#[tokio::test]
async fn reactions_are_counted_by_name_and_taken_back() {
    let site = Site::demo().await;
    let sent = site.chat.send(&answer("a", "ann", Visibility::Public, "A")).await.unwrap();
    let id = message_id(&sent.posted);
    let mut page = site.events("ann", "").await;
    page.until_ready().await;
    let react = async |person: &str, act: &str, change: &str| {
        let body = json!({ "id": act, "room": "incidents", "message": id, "emoji": "✅", "change": change });
        site.post(&format!("/api/reaction?as={person}"), &body).await
    };
    assert_eq!(react("bob:2", "1", "added").await.1["outcome"], "noted");
    let shown = page.post().await;
    assert_eq!(shown.data["reactions"], json!([{ "emoji": "✅", "by": ["Bob <b>"], "mine": false }]));
    react("ann", "2", "added").await;
    let shown = page.post().await;
    assert_eq!(shown.data["reactions"], json!([{ "emoji": "✅", "by": ["Bob <b>", "Ann"], "mine": true }]));
    react("bob:2", "3", "removed").await;
    assert_eq!(page.post().await.data["reactions"][0]["by"], json!(["Ann"]));
    // A late second try of the first act changes nothing.
    assert_eq!(react("bob:2", "1", "added").await.1["outcome"], "repeat");
    react("ann", "4", "removed").await;
    assert_eq!(page.post().await.data["reactions"], json!([]));

    let kinds: Vec<_> = site.heard().into_iter().map(|event| event.kind).collect();
    let message = MessageRef { room: room("incidents"), id: id.clone() };
    let change = ReactionChange::Added;
    assert_eq!(kinds[0], EventKind::Reaction { change, emoji: "✅".to_owned(), message });
    assert_eq!(kinds.len(), 4);
}

#[tokio::test]
async fn markup_stays_text_and_a_file_is_a_download() {
    let site = Site::demo().await;
    let evil = "<img src=x onerror=alert(1)></script>\u{2028}\r\ndata: x";
    let sent = site.chat.send(&answer("a", "ann", Visibility::Public, evil)).await.unwrap();
    let events = site.events("ann", "").await.until_ready().await;
    assert_eq!(texts(&events), [evil]);

    let path = format!("/api/file?as=ann&room=incidents&message={}", message_id(&sent.posted));
    let file = site.request(Method::GET, &path).send().await.unwrap();
    let header = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), "attachment; filename=\"all__logs_.txt\"");
    assert_eq!(header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(file.text().await.unwrap(), "<script>é</script>");
}

#[tokio::test]
async fn people_and_completions_are_given() {
    let site = Site::demo().await;
    let (_, people) = site.get("/api/people").await;
    assert_eq!(people["me"], Value::Null);
    assert_eq!(people["mode"], "demo");
    assert_eq!(people["rooms"], json!(["incidents", "quiet"]));
    assert_eq!(people["people"][0], json!({ "key": "ann", "name": "Ann", "roles": "admin" }));
    let (_, found) = site.get("/api/complete?as=ann&line=/acgs%20heal").await;
    assert_eq!(found[0], json!({ "insert": "heal!", "describe": "web:ann" }));
    assert_eq!(found.as_array().unwrap().len(), 25);
    let long = "x".repeat(1001);
    assert_eq!(site.get(&format!("/api/complete?as=ann&line={long}")).await.1, json!([]));
}

#[tokio::test]
async fn a_link_logs_in_once_and_only_when_its_button_is_pressed() {
    let site = Site::start(WebMode::Login(logins())).await;
    assert_eq!(site.get("/api/people").await.0, StatusCode::UNAUTHORIZED);
    // A picked name is no identity here.
    assert_eq!(site.line("ann", "1", "health").await.0, StatusCode::UNAUTHORIZED);

    // Looking at the link, as a chat's preview does, leaves it as it is.
    for _ in 0..2 {
        let (status, page) = site.get("/login?token=good").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!page.as_str().unwrap().contains("good"));
    }
    // A link of somebody who is no longer on the list.
    assert_eq!(site.post("/login", &json!({ "token": "former" })).await.0, StatusCode::FORBIDDEN);
    let token = json!({ "token": "good" });
    let login = site.request(Method::POST, "/login").json(&token).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert_eq!(cookie, "acgs_session=c00kie; Path=/; HttpOnly; SameSite=Strict; Max-Age=3600");
    assert_eq!(read(login).await.1, json!({ "me": "ann" }));
    assert_eq!(site.post("/login", &token).await.0, StatusCode::GONE);

    let with_cookie =
        |method, path: &str| site.request(method, path).header("Cookie", "a=b; acgs_session=c00kie");
    let (_, people) = read(with_cookie(Method::GET, "/api/people").send().await.unwrap()).await;
    assert_eq!(people["people"], json!([{ "key": "ann", "name": "Ann", "roles": "admin" }]));
    let line = json!({ "id": "1", "room": "incidents", "line": "health" });
    let posted = with_cookie(Method::POST, "/api/line?as=bob:2").json(&line).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::OK);
    assert_eq!(site.heard()[0].from.id, "ann");

    let mut page = Events::open(with_cookie(Method::GET, "/api/events")).await;
    page.until_ready().await;
    let logout = with_cookie(Method::POST, "/logout").json(&json!({})).send().await.unwrap();
    assert!(logout.headers()["set-cookie"].to_str().unwrap().contains("acgs_session=; Path=/;"));
    assert!(page.next().await.is_none(), "logging out ends the open page");
    let after = with_cookie(Method::GET, "/api/people").send().await.unwrap();
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_cookie_is_for_https_unless_the_page_is_local() {
    let site = Site::start(WebMode::Login(logins())).await;
    let request = site.http.post(site.url("/login")).json(&json!({ "token": "good" }));
    let request = request.header("Host", "acgs.example.com").header("Origin", "https://acgs.example.com");
    let login = request.send().await.unwrap();
    assert!(login.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn what_can_not_be_shown_is_rejected() {
    let site = Site::demo().await;
    let rejected = |outcome| matches!(outcome, Err(SendError::Rejected(_)));
    let public = answer("a", "ann", Visibility::Public, "A");
    let elsewhere = Outgoing { target: Target::Post(Place::channel(room("elsewhere"))), ..public.clone() };
    assert!(rejected(site.chat.send(&elsewhere).await));
    let slack = commands::ids::Room::new(Platform::Slack, "incidents");
    let to_slack = Outgoing { target: Target::Post(Place::channel(slack)), ..public };
    assert!(rejected(site.chat.send(&to_slack).await));
    let private = answer("a", "ann", Visibility::Private, "A");
    let to_nobody = Outgoing { target: Target::Post(Place::channel(room("incidents"))), ..private };
    assert!(rejected(site.chat.send(&to_nobody).await));
    assert_eq!(site.chat.rate_key(&to_nobody).key, "web:incidents");
}

#[tokio::test]
async fn closing_ends_the_streams_and_takes_nothing_more() {
    let site = Site::demo().await;
    let mut page = site.events("ann", "").await;
    page.until_ready().await;
    assert_eq!(site.chat.liveness(), Liveness::Live);
    site.chat.close();
    assert!(page.next().await.is_none());
    assert!(matches!(site.chat.liveness(), Liveness::Down(_)));
    let late = answer("a", "ann", Visibility::Public, "A");
    assert!(matches!(site.chat.send(&late).await, Err(SendError::NotReached(_))));
    assert_eq!(site.line("ann", "1", "health").await.0, StatusCode::SERVICE_UNAVAILABLE);
}
