use proptest::prelude::*;

use super::*;

fn read(dump: &str) -> Result<(), DumpFault> {
    PlainDump::default().read(dump.as_bytes())
}

fn what(dump: &str) -> &'static str {
    read(dump).expect_err(dump).what
}

/// As pg_dump writes one, with what is awkward in it.
const GOOD: &str = r#"--
-- PostgreSQL database dump
--

\restrict abcDEF0123

SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
/* a comment with \! in it /* and one inside */ */
CREATE FUNCTION public.f(a integer) RETURNS text
    LANGUAGE plpgsql
    AS $_$
begin
  -- it's \! here
  return regexp_replace('x', '\d+', $1) || $$no \quote$$;
end
$_$;
CREATE TABLE public."odd \! name" (
    id integer DEFAULT 1.5e3 NOT NULL,
    t text DEFAULT 'it''s'::text,
    path text DEFAULT 'C:\temp\x'::text,
    CONSTRAINT c CHECK ((t ~ '^\d+\\$'::text))
);
COMMENT ON TABLE public.t IS 'a -- b /* c $x$ d; COPY t FROM stdin;
and \more';
COPY public.t (id, t) FROM stdin;
1	it's \\! "quoted" $tag$ and -- more
2	\N
\\.
 \.
\! rm -r /
\.


COPY public.u (id) FROM stdin;
\.
SELECT a-b, c/d, e - -1 FROM x;
\unrestrict abcDEF0123
-- PostgreSQL database dump complete
"#;

#[test]
fn what_pg_dump_writes_is_read_through() {
    assert_eq!(read(GOOD), Ok(()));
    assert_eq!(read(&GOOD.replace('\n', "\r\n")), Ok(()));
}

#[test]
fn a_command_of_psql_is_found_wherever_psql_would_find_it() {
    for (dump, line) in [
        ("\\! touch /tmp/x\n", 1),
        ("SELECT 1;\n\\! touch /tmp/x\n", 2),
        ("SELECT 1; \\! touch /tmp/x\n", 1),
        ("SELECT 1 \\! touch /tmp/x\n", 1),
        ("SELECT 1\n\\g |sh\n", 2),
        ("  \\i /etc/passwd\n", 1),
        ("\\connect other\n", 1),
        ("\\restrict a \\! touch\n", 1),
        ("\\restrict a;b\n", 1),
        ("\\restrict\n", 1),
        ("\\.\n", 1),
        ("SELECT 'a';\\! x\n", 1),
        ("SELECT \"a\"\\! x\n", 1),
        ("SELECT $$a$$\\! x\n", 1),
        ("SELECT $a$ $b$ $a$\\! x\n", 1),
        ("SELECT $a$ $aa$a$\\! x\n", 1),
        ("-- it's\n\\! x\n", 2),
        ("-- a\r\\! x\n", 1),
        ("/* a */\\! x\n", 1),
        ("/* /* */ */\\! x\n", 1),
        ("/**/\\! x\n", 1),
        ("SELECT a$b$ FROM t \\! x $b$\n", 1),
        ("COPY t FROM stdin;\n1\n\\.\n\\! x\n", 4),
        ("COPY t FROM stdin;\n1\n\\.\r\n\\! x\n", 4),
        // What looks like rows and is text.
        ("SELECT 'a\nCOPY t FROM stdin;\nb'; \\! x\n", 3),
        ("SELECT $$\nCOPY t FROM stdin;\n$$; \\! x\n", 3),
        ("/*\nCOPY t FROM stdin;\n*/ \\! x\n", 3),
    ] {
        let fault = read(dump).expect_err(dump);
        assert_eq!(fault.line, line, "{dump:?}: {fault}");
    }
}

#[test]
fn what_depends_on_a_setting_or_is_none_of_pg_dumps_is_refused() {
    assert!(what("SELECT E'a\\'; \\! x\n").contains("may or may not end"));
    assert!(what("SELECT 'a\\'; \\! x'\n").contains("may or may not end"));
    assert!(read("SELECT 'a\\\\';\n").is_ok());
    assert!(what("SELECT (1;\nCOPY t FROM stdin;\n\\! x\n").contains("inside of brackets"));
    let atomic = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; COPY t FROM stdin;\n\\! x\n";
    assert!(what(atomic).contains("BEGIN ATOMIC"));
    for copy in [
        "COPY t FROM stdin; \\! x\n1\n\\.\n",
        "COPY t FROM stdin; SELECT 1;\n",
        "COPY t FROM stdin WITH (FORMAT csv);\n",
        "COPY t FROM PROGRAM 'sh';\n",
        "COPY t FROM '/etc/passwd';\n",
        "COPY t TO stdout;\n",
        "COPY t\nFROM stdin;\n",
        "copy t from stdin csv;\n",
        "COPY t FROM stdin 'x';\n",
    ] {
        assert!(what(copy).contains("COPY"), "{copy}");
    }
    assert!(read("copy t from STDIN;\n1\n\\.\n").is_ok());
    assert!(what("SELECT 1$a$;\n").contains('$'));
    assert!(what("SELECT $1;\n").contains('$'));
    assert!(what("SELECT $a b;\n").contains('$'));
    assert!(what("SELECT \0;\n").contains("NUL"));
}

proptest! {
    #[test]
    fn it_does_not_matter_how_a_dump_is_cut_into_pieces(cuts in prop::collection::vec(0usize..2_000, 0..20)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % GOOD.len()).collect();
        cuts.sort_unstable();
        let mut reader = PlainDump::default();
        let mut from = 0;
        for cut in cuts {
            prop_assert_eq!(reader.read(&GOOD.as_bytes()[from..cut]), Ok(()));
            from = cut;
        }
        prop_assert_eq!(reader.read(&GOOD.as_bytes()[from..]), Ok(()));
    }

    // A command that is put in between two lines of statements is always found.
    #[test]
    fn a_command_between_any_two_statements_is_found(at in 0usize..100) {
        let text = "SET a = on;\nSELECT 'x';\n-- note\nCREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n\\.\nSELECT $$y$$;\n";
        let lines: Vec<&str> = text.lines().collect();
        let at = at % (lines.len() + 1);
        // Among rows it is a row.
        prop_assume!(at != 5 && at != 6);
        let mut all = lines;
        all.insert(at, "\\! touch /tmp/x");
        let fault = read(&(all.join("\n") + "\n"));
        prop_assert_eq!(fault.map_err(|fault| fault.line), Err(at as u64 + 1));
    }
}
