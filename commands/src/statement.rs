//! SQL texts as they are shown: without the values in them, which may be anybody's data or secret.
//!
//! The server cuts the texts of running statements (`track_activity_query_size`), so one may end in
//! the middle of a value; what is open at the end is taken for a value up to there.

use std::iter::Peekable;
use std::str::CharIndices;

/// Stands where a value was.
const VALUE: char = '?';

/// The statement on one line, with `?` for every text and number in it and without its comments. Names
/// and parameters (`$1`) stay: they tell what is done, and not for whom.
#[must_use]
pub fn without_values(sql: &str) -> String {
    let mut shown = String::with_capacity(sql.len());
    for piece in pieces(sql) {
        match piece {
            Piece::Value(_) => shown.push(VALUE),
            Piece::Plain(c) if c.is_whitespace() => shown.push(' '),
            Piece::Plain(c) => shown.push(c),
            Piece::Word(word) => shown.push_str(word),
            Piece::Comment => shown.push(' '),
        }
    }
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether it is one statement that asks and does not change, as far as its words tell; the server is the
/// judge of the rest.
///
/// # Errors
/// What it is instead.
pub fn one_question(sql: &str) -> Result<(), &'static str> {
    let mut all = pieces(sql).filter(|piece| {
        !matches!(piece, Piece::Comment) && !matches!(piece, Piece::Plain(c) if c.is_whitespace())
    });
    match all.next() {
        None => return Err("is empty"),
        Some(Piece::Word(word)) if ASKING.iter().any(|asking| word.eq_ignore_ascii_case(asking)) => {}
        Some(_) => return Err("must begin with SELECT, WITH, TABLE or VALUES"),
    }
    // The statement becomes a part of another one, where a semicolon has no place, at its end neither.
    if all.any(|piece| matches!(piece, Piece::Plain(';'))) {
        return Err("must be one statement, without a semicolon");
    }
    Ok(())
}

/// The words that a question begins with.
const ASKING: [&str; 4] = ["select", "with", "table", "values"];

/// A part of a statement.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// A name, in quotes or not, a keyword, or a parameter.
    Word(&'a str),
    /// A text or a number.
    Value(&'a str),
    /// Whatever is said to people.
    Comment,
    /// Anything else, a character at a time.
    Plain(char),
}

fn pieces(sql: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sql.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = rest.next()?;
        let next = rest.peek().map(|(_, c)| *c);
        Some(match (first, next) {
            ('\'', _) => Piece::Value(quoted(sql, start, '\'', false, &mut rest)),
            ('"', _) => Piece::Word(quoted(sql, start, '"', false, &mut rest)),
            ('e' | 'E', Some('\'')) => {
                rest.next();
                Piece::Value(quoted(sql, start, '\'', true, &mut rest))
            }
            ('b' | 'B' | 'x' | 'X' | 'n' | 'N', Some('\'')) => {
                rest.next();
                Piece::Value(quoted(sql, start, '\'', false, &mut rest))
            }
            ('-', Some('-')) => {
                while rest.next_if(|(_, c)| *c != '\n').is_some() {}
                Piece::Comment
            }
            ('/', Some('*')) => {
                comment(&mut rest);
                Piece::Comment
            }
            ('$', _) => dollar(sql, start, &mut rest),
            (c, _) if starts_a_name(c) => Piece::Word(while_in(sql, start, goes_on_in_a_name, &mut rest)),
            (c, after) if c.is_ascii_digit() || (c == '.' && after.is_some_and(|c| c.is_ascii_digit())) => {
                Piece::Value(while_in(
                    sql,
                    start,
                    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'),
                    &mut rest,
                ))
            }
            (c, _) => Piece::Plain(c),
        })
    })
}

const fn starts_a_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

const fn goes_on_in_a_name(c: char) -> bool {
    starts_a_name(c) || c.is_ascii_digit() || c == '$'
}

type Rest<'a> = Peekable<CharIndices<'a>>;

fn end(sql: &str, rest: &mut Rest<'_>) -> usize {
    rest.peek().map_or(sql.len(), |(at, _)| *at)
}

fn while_in<'a>(sql: &'a str, start: usize, within: impl Fn(char) -> bool, rest: &mut Rest<'a>) -> &'a str {
    while rest.next_if(|(_, c)| within(*c)).is_some() {}
    &sql[start..end(sql, rest)]
}

/// Up to the closing quote, or to the end; a doubled quote is none.
fn quoted<'a>(sql: &'a str, start: usize, quote: char, backslashes: bool, rest: &mut Rest<'a>) -> &'a str {
    while let Some((_, c)) = rest.next() {
        if backslashes && c == '\\' {
            rest.next();
        } else if c == quote && rest.next_if(|(_, c)| *c == quote).is_none() {
            break;
        }
    }
    &sql[start..end(sql, rest)]
}

/// To the end of a comment, in which others may stand.
fn comment(rest: &mut Rest<'_>) {
    let mut depth = 0;
    let mut before = '/';
    for (_, c) in rest.by_ref() {
        match (before, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                before = c;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
        // A star or a slash belongs to one mark alone.
        before = ' ';
    }
}

/// `$1`, or a text between `$tag$` and `$tag$`.
fn dollar<'a>(sql: &'a str, start: usize, rest: &mut Rest<'a>) -> Piece<'a> {
    if rest.peek().is_some_and(|(_, c)| c.is_ascii_digit()) {
        return Piece::Word(while_in(sql, start, |c| c.is_ascii_digit(), rest));
    }
    let name = while_in(sql, start, |c| starts_a_name(c) || c.is_ascii_digit(), rest);
    if rest.next_if(|(_, c)| *c == '$').is_none() {
        // A tag that was cut off would show the beginning of nothing.
        return if name == "$" { Piece::Plain('$') } else { Piece::Word(name) };
    }
    let tag = &sql[start..start + name.len() + 1];
    let after = start + tag.len();
    let close = sql[after..].find(tag).map_or(sql.len(), |at| after + at + tag.len());
    while rest.next_if(|(at, _)| *at < close).is_some() {}
    Piece::Value(&sql[start..close])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_go_and_names_stay() {
        for (sql, shown) in [
            ("SELECT pg_sleep(600)", "SELECT pg_sleep(?)"),
            (
                "SELECT * FROM users\n\tWHERE email = 'ada@example.com' AND id = $1",
                "SELECT * FROM users WHERE email = ? AND id = $1",
            ),
            ("UPDATE t2 SET a1 = 1.5e3, \"b 'c\" = 'it''s' -- hunter2", "UPDATE t2 SET a1 = ?, \"b 'c\" = ?"),
            (r"SELECT E'it\'s hunter2', 'back\', x", "SELECT ?, ?, x"),
            ("SELECT $$hunter2 'a$$, $tag$ $$ $tag$, b", "SELECT ?, ?, b"),
            ("ALTER ROLE a PASSWORD 'hunt", "ALTER ROLE a PASSWORD ?"),
            ("DO $body$ hunter2", "DO ?"),
            ("/* hunter2 /* in */ hunter2 */ SELECT -- hunter2", "SELECT"),
            ("SELECT x'1F', n'a', .5, 0x1F, 1_000 /* hunt", "SELECT ?, ?, ?, ?, ?"),
            ("COPY t FROM '/tmp/ä' WITH (a ',')", "COPY t FROM ? WITH (a ?)"),
            ("SELECT größe FROM ü", "SELECT größe FROM ü"),
            ("<insufficient privilege>", "<insufficient privilege>"),
        ] {
            assert_eq!(without_values(sql), shown, "{sql}");
        }
    }

    #[test]
    fn a_question_is_one_statement_that_reads() {
        for sql in [
            "SELECT 1",
            " -- why\n select ';'",
            "WITH a AS (VALUES (1)) TABLE a",
            "table a",
            "SELECT /* ; */ 1",
        ] {
            assert_eq!(one_question(sql), Ok(()), "{sql}");
        }
        for sql in [
            "",
            "-- only this",
            "SELECT 1; DROP TABLE a",
            "SELECT 1;",
            "DELETE FROM a",
            "(SELECT 1)",
            "\"select\" 1",
            "SET a = 1",
        ] {
            assert!(one_question(sql).is_err(), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_value_comes_through(before in "[a-z ,=(]{0,12}", value in "[0-9]{3}[a-z 0-9$\"/*;-]{0,12}", after in "[ -~]{0,12}") {
            let sql = format!("{before} '{value}' {after}");
            prop_assert!(!without_values(&sql).contains(&value), "{}", without_values(&sql));
        }

        #[test]
        fn any_text_is_read_to_its_end(sql in "\\PC{0,200}") {
            let _ = (without_values(&sql), one_question(&sql));
        }
    }
}
