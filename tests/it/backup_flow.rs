//! `backup list` on real files.

use std::path::Path;
use std::process::Command;

use e2e::bot::run_with;
use e2e::people;

fn sh(folder: &Path, script: &str) {
    let done = Command::new("bash").args(["-ec", script]).current_dir(folder).output().expect("bash");
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

fn toml(folder: &Path) -> String {
    format!("[bot]\ndata_dir = \"DATA_DIR\"\n[backups]\ndir = {:?}\n{}", folder, people::toml())
}

#[tokio::test]
async fn the_newest_backup_is_judged_by_its_age_and_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let list = async || run_with(&toml(here), &["run", "--", "backup", "list"], &[]).await;
    let none = list().await;
    assert!(none.code == 1 && none.out.contains("There is no backup"), "{none:?}");

    sh(here, "head -c 4000 /dev/urandom | gzip > old.sql.gz; touch -d '27 hours ago' old.sql.gz");
    let old = list().await;
    assert!(old.code == 1 && old.out.contains("The newest backup is 1 d 3 h old, more than 26 h"), "{old:?}");

    sh(
        here,
        "head -c 4000 /dev/urandom | gzip > new.sql.gz; touch -d '2 hours ago' new.sql.gz; sha256sum new.sql.gz > new.sql.gz.sha256",
    );
    let good = list().await;
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.out.contains("The newest backup is 2 h old"), "{}", good.out);
    let (new, old) = (good.out.find("new.sql.gz").unwrap(), good.out.find("old.sql.gz").unwrap());
    assert!(new < old, "the newest first: {}", good.out);
    let row = good.out.lines().find(|line| line.contains("new.sql.gz")).unwrap();
    assert!(row.contains("sha256") && row.contains("2 h ago") && row.contains("kB"), "{row}");

    // As the crontab's line leaves it when the dump fails: rc 0, over the good one.
    for (script, said) in [
        ("false | gzip > new.sql.gz", "new.sql.gz: a gzip of nothing"),
        ("rm new.sql.gz*; : > zero.sql.gz", "zero.sql.gz: empty"),
        (
            "rm zero.sql.gz; echo x > a.sql.gz.part; touch -d '1 hour ago' a.sql.gz.part",
            "a.sql.gz.part: left over",
        ),
    ] {
        sh(here, script);
        let bad = list().await;
        assert!(bad.code == 1 && bad.out.contains(said), "{said}: {bad:?}");
        assert!(bad.out.contains("needs a look"), "{}", bad.out);
    }
    sh(here, "rm *; head -c 99 /dev/urandom > a.sql.gz; echo '{' > a.sql.gz.manifest.json");
    let broken = list().await;
    assert!(broken.code == 1 && broken.out.contains("its manifest can't be read: EOF"), "{broken:?}");
    // A name may hold anything.
    sh(here, "rm *; touch -d '1 hour ago' $'<!channel>\\n\\e[31m*x*.sql.gz'");
    let odd = list().await;
    assert!(!odd.out.contains('\u{1b}'), "{odd:?}");

    let no_folder = run_with(&toml(&here.join("gone")), &["run", "--", "backup", "list"], &[]).await;
    assert!(no_folder.code == 1 && no_folder.out.contains("folder could not be asked"), "{no_folder:?}");
    let without = format!("[bot]\ndata_dir = \"DATA_DIR\"\n{}", people::toml());
    let none = run_with(&without, &["run", "--", "backup", "list"], &[]);
    assert!(none.await.out.contains("backups is not configured"));
}
