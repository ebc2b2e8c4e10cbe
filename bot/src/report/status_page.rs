//! The public status page. Everything that people typed is escaped; nothing else comes from outside.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::status_page::Published;

/// Where somebody said that nothing has changed.
pub const STATUS_UNCHANGED: &str = "No change since the last update.";
/// Where it is over; what mended it is not for everybody.
pub const STATUS_RESOLVED: &str = "This is resolved.";

/// Where it was not over.
pub const STATUS_REOPENED: &str = "The problem is back. We work on it.";

/// As text of HTML and of XML alike.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in commands::escape::clean(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;\
padding:0 1rem}.state{padding:.75rem 1rem;border-left:.5rem solid;border-radius:.25rem}.good{border-color:#2e7d32}\
.bad{border-color:#c62828}article{margin:1.5rem 0}time{opacity:.75;font-size:.875rem;display:block}";

/// The page.
#[must_use]
pub fn status_html(name: &str, published: &[Published], now: Timestamp) -> String {
    let open = published.iter().filter(|one| !one.resolved).count();
    let (class, state) = match open {
        0 => ("good", "No problem is known.".to_owned()),
        1 => ("bad", "There is a problem. We work on it.".to_owned()),
        open => ("bad", format!("There are {open} problems. We work on them.")),
    };
    let name = escaped(name);
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Status of {name}</title><link rel=\"alternate\" \
         type=\"application/atom+xml\" href=\"/status.atom\"><style>{STYLE}</style></head><body><h1>Status of {name}</h1>\
         <p class=\"state {class}\" role=\"status\">{state}</p>"
    );
    for one in published {
        let word = if one.resolved { "Resolved" } else { "Now" };
        let _ = write!(page, "<article><h2>{word}: incident {}</h2>", one.number);
        for (at, text) in &one.updates {
            let _ = write!(
                page,
                "<p><time datetime=\"{at}\">{}</time>{}</p>",
                at.strftime("%Y-%m-%d %H:%M UTC"),
                escaped(text)
            );
        }
        page.push_str("</article>");
    }
    let _ = write!(
        page,
        "<footer><time datetime=\"{now}\">As of {}</time></footer></body></html>",
        now.strftime("%Y-%m-%d %H:%M UTC")
    );
    page
}

/// The same for feed readers (RFC 4287).
#[must_use]
pub fn status_atom(name: &str, published: &[Published], now: Timestamp) -> String {
    let name = escaped(name);
    let newest = published.iter().flat_map(|one| &one.updates).map(|(at, _)| *at).max().unwrap_or(now);
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Status of {name}</title>\
         <id>urn:acgs:status</id><updated>{newest}</updated><author><name>{name}</name></author>"
    );
    for one in published {
        for (at, text) in &one.updates {
            let _ = write!(
                feed,
                "<entry><title>Incident {0}</title><id>urn:acgs:status:{0}:{1}</id><updated>{at}</updated>\
                 <content type=\"text\">{2}</content></entry>",
                one.number,
                at.as_millisecond(),
                escaped(text)
            );
        }
    }
    feed.push_str("</feed>");
    feed
}
