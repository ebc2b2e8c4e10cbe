//! What somebody sees who has just cloned: `acgs demo` in a real browser; and the log-in of a bot
//! that is no demo.

use std::path::Path;

use e2e::bot::{Bot, Setup, run_alone};
use e2e::browser::{Browser, Screen};
use e2e::demo::Demo;
use e2e::people;
use e2e::platform::Platform;
use e2e::stack::Stack;

const CARDS: &str = "[...document.querySelectorAll('.card')].map(card => card.innerText)";

#[tokio::test]
async fn somebody_new_types_health_breaks_a_service_and_sees_it() -> anyhow::Result<()> {
    let demo = Demo::start(&[], &[]).await?;
    assert!(demo.greeting.contains("/_sick?html=1"), "{}", demo.greeting);
    let browser = Browser::start(Screen::DESK).await?;
    browser.open(&demo.url).await?;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'live'").await?;
    browser.type_keys("health\u{e007}").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('All 6 services are well'))")).await?;
    for part in ["Docker", "PostgreSQL", "Prometheus", "Alertmanager"] {
        browser
            .wait_until(&format!("{CARDS}.some(text => new RegExp('{part}\\\\s+not configured').test(text))"))
            .await?;
    }

    demo.sick("ac_service", "html=1").await?;
    browser.type_keys("/acgs health\u{e007}").await?;
    browser
        .wait_until(&format!(
            "{CARDS}.some(text => text.includes('ac_service: answers 200 with text/html instead of JSON'))"
        ))
        .await?;
    demo.sick("ac_service", "well=1").await?;
    browser.wait_until("[...document.querySelectorAll('.card .button')].some(button => button.textContent === 'Check again')").await?;
    browser.evaluate("[...document.querySelectorAll('.card .button')].at(-1).click()").await?;
    browser
        .wait_until(&format!("{CARDS}.filter(text => text.includes('All 6 services are well')).length === 2"))
        .await?;
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn somebody_new_opens_an_incident_and_sees_who_is_called() -> anyhow::Result<()> {
    let demo = Demo::start(&[], &[]).await?;
    let browser = Browser::start(Screen::DESK).await?;
    browser.open(&demo.url).await?;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'live'").await?;
    browser.type_keys("incident open P1 'logins fail'\u{e007}").await?;
    let page = "text.includes('P1 incident 1: logins fail') && text.includes('@Bo') && text.includes('on-call is called')";
    browser.wait_until(&format!("{CARDS}.some(text => {page})")).await?;
    browser.evaluate("[...document.querySelectorAll('.card .button')].find(button => button.textContent === 'Ack').click()").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('Ada has it'))")).await?;
    let press = |label: &str| {
        format!(
            "[...document.querySelectorAll('.card .button')].findLast(button => button.textContent === '{label}').click()"
        )
    };
    browser
        .wait_until(
            "[...document.querySelectorAll('.card .button')].some(button => button.textContent === 'Update')",
        )
        .await?;
    browser.evaluate(&press("Update")).await?;
    browser.wait_until("document.activeElement.name === 'text'").await?;
    browser.type_keys("it's the \"disk\"").await?;
    browser.evaluate("document.querySelector('#form-send').click()").await?;
    let updated = "new RegExp('update\\\\s+it\\'s the \"disk\" \\\\(Ada').test(text)";
    browser.wait_until(&format!("{CARDS}.some(text => {updated})")).await?;
    browser.type_keys("incident status-page 'Logins fail for some.'\u{e007}").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('Logins fail for some.'))")).await?;
    browser.evaluate(&press("Resolve")).await?;
    browser.wait_until("document.activeElement.name === 'how'").await?;
    browser.type_keys("turned it off and on").await?;
    browser.evaluate("document.querySelector('#form-send').click()").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('Resolved by Ada'))")).await?;
    browser.open(&format!("{}/status", demo.url)).await?;
    browser.wait_until("document.body.innerText.includes('Logins fail for some.')").await?;
    Ok(())
}

#[tokio::test]
async fn every_fault_of_the_sandbox_has_its_word() -> anyhow::Result<()> {
    let demo = Demo::start(&[], &[]).await?;
    for (service, switch) in [
        ("auth_service", "down=1"),
        ("ac_service", "html=1"),
        ("integrity_service", "redirect=1"),
        ("fv_service", "drip=1"),
        ("gs_service", "hang=1"),
        ("pgc_service", "crash=1"),
    ] {
        demo.sick(service, switch).await?;
    }
    let browser = Browser::start(Screen::PHONE).await?;
    browser.open(&demo.url).await?;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'live'").await?;
    browser.type_keys("health\u{e007}").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('6 of 6 services are sick'))")).await?;
    let card = browser.evaluate(&format!("{CARDS}.at(-1)")).await?;
    let card = card.as_str().unwrap_or_default();
    for words in ["answers 503", "instead of JSON", "a redirect", "did not end within", "frozen", "broke off"]
    {
        assert!(card.contains(words), "{words:?} in {card}");
    }
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth").await?, true);
    Ok(())
}

#[tokio::test]
async fn the_demo_looks_at_the_real_stack_when_it_is_up() -> anyhow::Result<()> {
    let stack = Stack::take().await;
    let config = stack.config();
    let folder = config.parent().and_then(Path::to_str).expect("a folder");
    let demo = Demo::start(&["--stack"], &[("ACGS_DEMO_STATE", folder)]).await?;
    assert!(!demo.greeting.contains("_sick"), "{}", demo.greeting);
    let browser = Browser::start(Screen::DESK).await?;
    browser.open(&demo.url).await?;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'live'").await?;
    browser.type_keys("health\u{e007}").await?;
    for part in
        ["PostgreSQL\\\\s+answers in", "Docker\\\\s+answers; containers of 6 of 6", "Prometheus\\\\s+ready"]
    {
        browser.wait_until(&format!("{CARDS}.some(text => new RegExp('{part}').test(text))")).await?;
    }
    let from_terminal = ["run", "--config", config.to_str().expect("a path"), "--", "health", "auth_service"];
    let health = run_alone(&from_terminal, &[]).await;
    assert!(health.code == 0 && health.out.contains("auth_service is well"), "{health:?}");

    // Where no stack is up, the demo says how to get one.
    let nowhere =
        run_alone(&["demo", "--port", "0", "--stack"], &[("ACGS_DEMO_STATE", "/nonexistent")]).await;
    assert!(nowhere.code == 2 && nowhere.err.contains("deploy/demo/up"), "{nowhere:?}");
    Ok(())
}

#[tokio::test]
async fn outside_the_demo_a_one_time_link_logs_in_once() -> anyhow::Result<()> {
    let platform = Platform::start().await;
    let setup =
        Setup::default().with("[web]\nlisten = \"127.0.0.1:0\"").with(&people::toml()).with(&platform.toml());
    let bot = Bot::start(setup).await;
    let web = format!("http://{}", bot.web.expect("a web listener"));
    let nobody = bot.run(&["web-login", "Nobody"]).await;
    assert!(nobody.code == 1 && nobody.err.contains("no [[person]] has the name"), "{nobody:?}");
    let link = bot.run(&["web-login", "Cy"]).await;
    assert_eq!(link.code, 0, "{link:?}");
    let path = link.out.trim().split_once("/login").expect("a link").1.to_owned();

    let browser = Browser::start(Screen::DESK).await?;
    browser.open(&format!("{web}/login{path}")).await?;
    browser.find("#redeem").await?.click().await?;
    browser.wait_until("document.querySelector('#connection')?.dataset.state === 'live'").await?;
    browser.type_keys("health\u{e007}").await?;
    browser.wait_until(&format!("{CARDS}.some(text => text.includes('All 6 services are well'))")).await?;
    browser.type_keys("audit\u{e007}").await?;
    browser
        .wait_until(&format!(
            "{CARDS}.some(text => text.includes('This needs the role admin; yours is viewer'))"
        ))
        .await?;

    let thief = Browser::start(Screen::DESK).await?;
    thief.open(&format!("{web}/login{path}")).await?;
    thief.find("#redeem").await?.click().await?;
    thief.wait_until("document.querySelector('#login-trouble').innerText.includes('used before')").await?;
    Ok(())
}
