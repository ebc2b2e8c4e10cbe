//! The card with the pages that people open.

use commands::card::{Align, Section, Table, Tone};
use commands::health::{Reading, Seats};
use commands::layout;
use commands::links::{Headlines, Links, Page, PageAnswer, PageName, ServicesUp, Topic};
use commands::message::Reply;
use jiff::Timestamp;
use url::{Position, Url};

use super::health::{clock_time, says};
use super::traffic::{latency_words, rate, words};
use super::{card, column, public};

/// Every page, those that are not there first, with the numbers of the dashboards beside them.
#[must_use]
pub fn links(links: &Links, now: Timestamp) -> Reply {
    if links.pages.is_empty() {
        let text = "Nothing that people open is in the bot's configuration: add [grafana], [prometheus], \
                    [alertmanager], [public] or a [[service]] that is critical.";
        return public(card("No links", Tone::Neutral, vec![Section::Text(text.to_owned())]));
    }
    let mut pages: Vec<&Page> = links.pages.iter().collect();
    pages.sort_by_key(|page| page.answer.works());
    let broken = pages.iter().filter(|page| !page.answer.works()).count();
    let concerns: Vec<&str> =
        topics(links).filter(|topic| links.headlines.is_concern(*topic)).map(topic_word).collect();
    let (mut title, tone) = match (broken, pages.len(), concerns.is_empty()) {
        (0, 1, true) => ("The only link works".to_owned(), Tone::Good),
        (0, all, true) => (format!("All {all} links work"), Tone::Good),
        (0, all, false) => (format!("All {all} links work"), Tone::Warning),
        (1, all, _) => (format!("1 of {all} links does not work"), Tone::Bad),
        (broken, all, _) => (format!("{broken} of {all} links do not work"), Tone::Bad),
    };
    if !concerns.is_empty() {
        title.push_str(&format!("; look at {}", concerns.join(", ")));
    }
    let row = |page: &&Page| {
        let sign = if page.answer.works() { "ok" } else { "!!" };
        vec![sign.to_owned(), name(&page.name), found(page, &links.headlines)]
    };
    let table = Table {
        columns: vec![column("", Align::Left), column("link", Align::Left), column("found", Align::Left)],
        rows: pages.iter().map(row).collect(),
    };
    let addresses = pages.iter().map(|page| (name(&page.name), page.address.clone())).collect();
    let mut sections = vec![Section::Table(table), Section::Facts(addresses)];
    let next = next(links);
    if !next.is_empty() {
        sections.push(Section::Next(next));
    }
    let mut card = card(title, tone, sections);
    card.footer = Some(format!("numbers of the last 5m, as of {}", clock_time(now)));
    public(card)
}

/// The topics of the dashboards among these pages.
pub fn topics(links: &Links) -> impl Iterator<Item = Topic> {
    links.pages.iter().filter_map(|page| topic(&page.name))
}

fn topic(name: &PageName) -> Option<Topic> {
    match name {
        PageName::Dashboard(name) => Topic::of(name),
        PageName::Grafana
        | PageName::Prometheus
        | PageName::Alertmanager
        | PageName::Gateway(_)
        | PageName::Public => None,
    }
}

const fn topic_word(topic: Topic) -> &'static str {
    match topic {
        Topic::Overview => "overview",
        Topic::Services => "services",
        Topic::Auth => "auth",
        Topic::Database => "database",
    }
}

/// An address as it may be shown: without user, password, query and fragment.
#[must_use]
pub fn address(url: &Url) -> String {
    let rest = &url[Position::BeforeHost..Position::AfterPath];
    format!("{}://{}", url.scheme(), rest.trim_end_matches('/'))
}

fn name(name: &PageName) -> String {
    match name {
        PageName::Grafana => "Grafana".to_owned(),
        PageName::Dashboard(name) => format!("dashboard {name}"),
        PageName::Prometheus => "Prometheus".to_owned(),
        PageName::Alertmanager => "Alertmanager".to_owned(),
        PageName::Gateway(service) => format!("gateway ({service})"),
        PageName::Public => "public address".to_owned(),
    }
}

/// The numbers of a dashboard, or what the page says; both where it is not there.
fn found(page: &Page, headlines: &Headlines) -> String {
    let numbers = topic(&page.name).map(|topic| headline(headlines, topic));
    match (page.answer.works(), numbers) {
        (true, Some(numbers)) => numbers,
        (false, Some(numbers)) => format!("{}; {numbers}", answer(&page.answer)),
        (_, None) => answer(&page.answer),
    }
}

fn answer(answer: &PageAnswer) -> String {
    match answer {
        PageAnswer::Works => "answers".to_owned(),
        PageAnswer::NotReady => "not ready".to_owned(),
        PageAnswer::LoginNeeded { code: 401 } => "wants a token: see [grafana] token_env (401)".to_owned(),
        PageAnswer::LoginNeeded { code } => format!("not for the bot's token ({code})"),
        PageAnswer::NoDashboard => "no dashboard of that uid".to_owned(),
        PageAnswer::SomethingElse(what) => format!("answers wrongly: {what}"),
        PageAnswer::TimedOut => "did not answer in time".to_owned(),
        PageAnswer::Failed(why) => layout::short(&commands::escape::clean(why), 120),
        PageAnswer::Probed(outcome) => says(outcome),
    }
}

fn headline(headlines: &Headlines, topic: Topic) -> String {
    match topic {
        Topic::Overview => {
            let errors = reading(&headlines.errors, |errors| words(*errors, percent));
            format!("{}; errors {errors}", reading(&headlines.up, up))
        }
        Topic::Services => reading(&headlines.slowest, |slowest| match slowest {
            Some((service, latency)) => format!("worst p95 {} ({service})", latency_words(*latency)),
            None => "no service".to_owned(),
        }),
        Topic::Auth => {
            let refused = reading(&headlines.refused_logins, |refused| {
                words(*refused, |refused| format!("{}/s", rate(refused)))
            });
            format!("refused logins {refused}")
        }
        Topic::Database => {
            reading(&headlines.seats, |Seats { used, max, .. }| format!("{used} of {max} connections used"))
        }
    }
}

fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

fn up(services: &ServicesUp) -> String {
    let ServicesUp { up, down, not_reported } = *services;
    let silent = match not_reported {
        0 => String::new(),
        silent => format!(", {silent} not reported"),
    };
    format!("{up} of {} services up{silent}", up + down + not_reported)
}

fn reading<T>(reading: &Reading<T>, words: impl FnOnce(&T) -> String) -> String {
    match reading {
        Reading::NotConfigured => "not configured".to_owned(),
        Reading::Unavailable(_) => "not known".to_owned(),
        Reading::Read(value) => words(value),
    }
}

/// The look-ups behind the numbers that are too high.
fn next(links: &Links) -> Vec<String> {
    let line = |topic| match topic {
        Topic::Overview => "health",
        Topic::Services => "latency",
        Topic::Auth => "auth failures",
        Topic::Database => "db connections",
    };
    let concern = topics(links).filter(|topic| links.headlines.is_concern(*topic));
    concern.map(|topic| line(topic).to_owned()).collect()
}
