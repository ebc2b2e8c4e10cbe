//! What leaves the escapers is read by small parsers of the platforms' markup, written from the
//! platforms' documents and not from the code above: they find what would be alive.

use proptest::prelude::*;
use regex::Regex;

use super::*;

/// Everything on Slack that would do something: <https://docs.slack.dev/messaging/formatting-message-text>.
fn alive_on_slack(text: &str) -> Vec<String> {
    let mut alive = Vec::new();
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        let entity = ["&amp;", "&lt;", "&gt;"].iter().any(|entity| rest.starts_with(entity));
        if matches!(c, '<' | '>') || (c == '&' && !entity) {
            alive.push(format!("{c} at {at}"));
        }
    }
    for pattern in [
        // A marker that nothing of a word stands before, up to one that nothing of a word stands after.
        r"(?:^|[^A-Za-z0-9*])\*[^\s*][^*\n]*\*(?:$|[^A-Za-z0-9*])",
        r"(?:^|[^A-Za-z0-9_])_[^\s_][^_\n]*_(?:$|[^A-Za-z0-9_])",
        r"(?:^|[^A-Za-z0-9~])~[^\s~][^~\n]*~(?:$|[^A-Za-z0-9~])",
        "`",
    ] {
        alive.extend(Regex::new(pattern).unwrap().find_iter(text).map(|found| found.as_str().to_owned()));
    }
    alive
}

/// Everything on Discord that would do something: <https://discord.com/developers/docs/reference#message-formatting>
/// and the Markdown that its clients show. A backslash takes the life of the mark after it, but the
/// server looks for mentions of people without knowing of backslashes.
fn alive_on_discord(text: &str) -> Vec<String> {
    let anywhere =
        [r"@everyone", r"@here", r"<@[!&]?\d", r"(?i)https?://\S", r"(?i)discord(?:app)?\.(?:gg|com)/"];
    let mut alive: Vec<String> = anywhere
        .iter()
        .flat_map(|pattern| {
            Regex::new(pattern)
                .unwrap()
                .find_iter(text)
                .map(|found| found.as_str().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let block = Regex::new(r"^(?:#{1,3}\s|-#\s|>>>\s|>\s|[-*+]\s|\d+[.)]\s)").unwrap();
    let mut rest = text;
    let mut blank = true;
    while let Some(c) = rest.chars().next() {
        if blank && !c.is_whitespace() {
            alive.extend(block.find(rest).map(|found| found.as_str().to_owned()));
        }
        blank = c == '\n' || (blank && c.is_whitespace());
        let mut skip = c.len_utf8();
        if c == '\\' {
            match rest[1..].chars().next() {
                Some(next) if !next.is_alphanumeric() && !next.is_whitespace() => skip += next.len_utf8(),
                _ => alive.push("a backslash that escapes what comes after the text".to_owned()),
            }
        } else if matches!(c, '*' | '_' | '~' | '`' | '|' | '<' | '[' | ']') {
            alive.push(rest.chars().take(10).collect());
        }
        rest = &rest[skip..];
    }
    alive
}

/// The text that a block of code shows, when it is the only thing in a message.
fn in_block(code: &str) -> Option<&str> {
    let (inside, after) =
        code.split_once("```").map_or((code, None), |(inside, after)| (inside, Some(after)));
    after.is_none().then_some(inside)
}

const HOSTILE: [&str; 44] = [
    "@everyone",
    "@here",
    "<@123456789012345678>",
    "<@!1>",
    "<@&1>",
    "<#1>",
    "</health:1>",
    "<t:1>",
    "<:x:1>",
    "<a:x:1>",
    "<id:customize>",
    "<!channel>",
    "<!here|x>",
    "<@U123>",
    "<#C1|x>",
    "<!subteam^S1>",
    "<http://evil|login>",
    "https://evil.example/x",
    "HTTP://evil",
    "discord.gg/abc",
    "Discord.GG/abc",
    "[login](https://evil)",
    "](",
    "```",
    "``",
    "`",
    "*",
    "**bold**",
    "_it_",
    "__u__",
    "~~s~~",
    "||spoiler||",
    "\\",
    "&amp;",
    "&lt;",
    "&",
    "\n",
    "\n# h",
    "\n>>> q",
    "\n- l",
    "\n1. l",
    "\u{200b}",
    "\u{202e}",
    "\u{1b}[31m",
];

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z0-9 _*~-]{1,6}",
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

/// Slack's three entities read back, each once.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Lookalikes and what they stand for are the same here.
fn alike(text: &str) -> String {
    text.chars().map(inert).collect()
}

proptest! {
    #[test]
    fn nothing_alive_leaves_for_slack(text in hostile()) {
        let safe = slack(&text);
        prop_assert_eq!(alive_on_slack(&safe), Vec::<String>::new(), "{}", safe);
        prop_assert_eq!(alike(&unescaped(&safe)), alike(&clean(&text)), "the text is still the same to a reader");
    }

    #[test]
    fn no_block_of_code_on_slack_ends_early(text in hostile()) {
        let safe = slack_code(&text);
        let block = format!("{safe}```");
        prop_assert_eq!(block.find("```"), Some(safe.len()));
        prop_assert!(!safe.contains(['<', '>']));
        prop_assert_eq!(alike(&unescaped(&safe)), alike(&clean(&text)));
    }

    #[test]
    fn nothing_alive_leaves_for_discord(text in hostile()) {
        let safe = discord(&text);
        prop_assert_eq!(alive_on_discord(&safe), Vec::<String>::new(), "{}", safe);
        let mut shown = String::new();
        let mut chars = safe.chars().filter(|c| *c != '\u{200b}');
        while let Some(c) = chars.next() {
            shown.push(if c == '\\' { chars.next().unwrap() } else { c });
        }
        prop_assert_eq!(shown, clean(&text), "the text is still the same to a reader");
    }

    #[test]
    fn no_block_of_code_on_discord_ends_early(text in hostile()) {
        let safe = discord_code(&text);
        prop_assert_eq!(in_block(&safe), Some(safe.as_str()));
        prop_assert_eq!(format!("```\n{safe}```").matches("```").count(), 2);
        prop_assert_eq!(alike(&safe), alike(&clean(&text)));
        prop_assert_eq!(&discord_code(&safe), &safe);
    }

    #[test]
    fn nothing_alive_leaves_for_html(text in hostile()) {
        let safe = html(&text);
        prop_assert!(!safe.contains(['<', '>', '"', '\'']));
        let entities = Regex::new("&(?:amp|lt|gt|quot|#39);").unwrap();
        prop_assert_eq!(entities.find_iter(&safe).count(), safe.matches('&').count());
        prop_assert_eq!(unescaped(&safe.replace("&quot;", "\"").replace("&#39;", "'")), clean(&text));
    }

    #[test]
    fn clean_text_is_clean_and_stays_so(text in hostile()) {
        let safe = clean(&text);
        prop_assert!(!safe.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c)));
        prop_assert_eq!(clean(&safe), safe);
    }
}

#[test]
fn the_parsers_of_this_test_find_what_is_alive() {
    for text in ["<!channel>", "a > b", "&", "*b*", "x _i_", "~s~!", "`c`"] {
        assert!(!alive_on_slack(text).is_empty(), "{text}");
    }
    for text in [
        "@everyone",
        "\\@here",
        "<@1>",
        "\\<@1>",
        "<#1>",
        "</a:1>",
        "<t:1>",
        "https://x",
        "\\https://x",
        "discord.gg/x",
        "[a](b)",
        "*a*",
        "\\\\*a*",
        "||a||",
        "# h",
        "  ## h",
        "-# h",
        "> q",
        ">>> q",
        "- l",
        "1. l",
        "x\n+ l",
        "x\\",
    ] {
        assert!(!alive_on_discord(text).is_empty(), "{text}");
    }
}

#[test]
fn plain_text_stays_readable() {
    let table = [
        ("auth_service & co", "auth_service &amp; co", "auth\\_service & co"),
        ("5 * 3 > 2", "5 * 3 &gt; 2", "5 \\* 3 > 2"),
        ("*bold*", "∗bold∗", "\\*bold\\*"),
        ("me@example.org", "me@example.org", "me@example.org"),
        ("12:30 at /var/lib", "12:30 at /var/lib", "12:30 at /var/lib"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/", "http\\://127.0.0.1:8000/"),
        ("- one\n- two", "- one\n- two", "\\- one\n\\- two"),
        ("3. third 3. x", "3. third 3. x", "3\\. third 3. x"),
        ("@everyone", "@everyone", "@\u{200b}everyone"),
    ];
    for (text, on_slack, on_discord) in table {
        assert_eq!(slack(text), on_slack);
        assert_eq!(discord(text), on_discord);
    }
    assert_eq!(slack_code("a ``` b ` c `"), "a ˋˋˋ b ` c ˋ");
    assert_eq!(discord_code("```"), "ˋˋˋ");
    assert_eq!(clean("a\r\nb\u{1b}[1;31mred\u{1b}[0m\u{1b}c\u{feff}\u{85}\u{fffe}"), "a\nbredc");
    assert_eq!(clean("\u{1b}[12"), "");
}

#[test]
fn hostile_texts_take_no_time() {
    for text in ["<", "`", "@", ".", "\n1.", "\\", "\u{1b}[", "discord."] {
        let text = text.repeat(256 * 1024 / text.len());
        let begin = std::time::Instant::now();
        let made = [slack(&text), slack_code(&text), discord(&text), discord_code(&text), html(&text)];
        assert!(made.iter().all(|made| made.len() <= 6 * text.len()));
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}", begin.elapsed());
    }
}
