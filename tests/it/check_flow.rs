//! `acgs check` on what acts: a line for each part, and which of them could not do its work.

use e2e::bot::Bot;
use e2e::people;
use e2e::stack::Stack;

#[tokio::test]
async fn each_part_that_acts_has_its_line() {
    let stack = Stack::take().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "A=1\n").unwrap();
    let index = |name: &str, table: &str, column: &str| {
        format!("[[index]]\nname = {name:?}\ntable = {table:?}\ncolumns = [{column:?}]\n")
    };
    let setup = stack
        .setup()
        .with(&format!("[backups]\ndir = {:?}\nfiles = [{:?}]", folder.path(), folder.path().join(".env")))
        .with(&index("idx_policies_status", "policies", "status"))
        .with(&index("idx_nothing", "policies", "no_such_column"))
        .with(&index("idx_nowhere", "no_such_table", "id"))
        .with("[migration]\nservice = \"no-such-service\"")
        .with("[[schedule]]\nname = \"daily-dump\"\ncron = \"0 2 * * *\"\nzone = \"UTC\"\nline = \"backup create\"")
        .with(&people::acting())
        .room("web:incidents");
    let bot = Bot::start(setup).await;
    let checked = bot.run(&["check"]).await;
    assert_eq!(checked.code, 1, "{checked:?}");
    for line in [
        "ok    postgres container: acgs_user administers acgs_pgp_db in ",
        ", at c2f48a1b9d03",
        "ok    index idx_policies_status: ",
        "WRONG index idx_nothing: public.policies has no column no_such_column",
        "WRONG index idx_nowhere: there is no table public.no_such_table",
        "ok    backups: ",
        "ok    backups files: 4 B to archive",
        "WRONG migration: No container to migrate with: ",
        "ok    schedule daily-dump: backup create next at ",
    ] {
        assert!(checked.out.contains(line), "{line:?} in {}", checked.out);
    }
}
