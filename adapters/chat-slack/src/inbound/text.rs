//! Slack's markup of incoming text, turned back into what the person typed.
//!
//! Slack writes what it recognised as `<…>` and escapes every `<`, `>` and `&` that was typed
//! (docs.slack.dev/messaging/formatting-message-text), so a literal `<` is always Slack's own.

/// The text after a leading mention of the bot. Where our id is not known, after any leading
/// mention: Slack sends mentions of us only.
pub(super) fn without_mention<'a>(text: &'a str, bot: Option<&str>) -> &'a str {
    let trimmed = text.trim_start();
    let Some((inside, rest)) = trimmed.strip_prefix("<@").and_then(|tail| tail.split_once('>')) else {
        return text;
    };
    let id = inside.split('|').next().unwrap_or_default();
    if bot.is_some_and(|bot| bot != id) {
        return text;
    }
    rest.trim_start_matches([':', ','])
}

/// Links become the words that were typed, mentions lose the name beside the id, entities become
/// characters.
pub(crate) fn typed(text: &str) -> String {
    let mut typed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('<') {
        typed.push_str(&unescape(before));
        match tail.split_once('>') {
            Some((inside, after)) if !inside.contains('<') => {
                typed.push_str(&unescape(&unlink(inside)));
                rest = after;
            }
            _ => {
                typed.push('<');
                rest = tail;
            }
        }
    }
    typed.push_str(&unescape(rest));
    typed
}

/// What stood where Slack wrote `<inside>`.
fn unlink(inside: &str) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    match target.chars().next() {
        // People and channels keep their ids: a name could be anybody's.
        Some('@' | '#') => format!("<{target}>"),
        Some('!') => {
            let word = target.trim_start_matches('!').split('^').next().unwrap_or_default();
            label.map_or_else(|| format!("@{word}"), str::to_owned)
        }
        _ => label.unwrap_or_else(|| target.trim_start_matches("mailto:")).to_owned(),
    }
}

/// In this order, so that a typed `&lt;` (sent as `&amp;lt;`) stays one.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_entities_and_mentions_become_what_was_typed() {
        let cases = [
            ("logs auth --since 5m", "logs auth --since 5m"),
            ("a &lt;b&gt; &amp;&amp; c &amp;lt;", "a <b> && c &lt;"),
            ("see <http://x.io|x.io> now", "see x.io now"),
            ("see <https://x.io/a?b=1&amp;c=2>", "see https://x.io/a?b=1&c=2"),
            ("<mailto:a@b.io|a@b.io>", "a@b.io"),
            ("oncall <@U1|bob> <#C1|general>", "oncall <@U1> <#C1>"),
            ("<!here> <!subteam^S1|@ops>", "@here @ops"),
            ("a < b", "a < b"),
            ("<a <b>", "<a b"),
            ("", ""),
        ];
        for (sent, expected) in cases {
            assert_eq!(typed(sent), expected, "{sent}");
        }
    }

    #[test]
    fn only_a_leading_mention_of_the_bot_is_taken_away() {
        assert_eq!(without_mention("<@UBOT> health", Some("UBOT")), " health");
        assert_eq!(without_mention(" <@UBOT|acgs>: health", Some("UBOT")), " health");
        assert_eq!(without_mention("<@UBOT> health", None), " health");
        assert_eq!(without_mention("<@UBOB> ask <@UBOT>", Some("UBOT")), "<@UBOB> ask <@UBOT>");
        assert_eq!(without_mention("health <@UBOT>", Some("UBOT")), "health <@UBOT>");
    }
}
