//! The chat page in a real Chromium: by keyboard, dark and light, on a phone, through a broken wire.

mod site;

use chat_web::WebMode;
use commands::card::{Button, ButtonStyle, Card, Section, Tone};
use commands::form::Ask;
use commands::incident::IncidentNumber;
use commands::message::{ChatEvent, EventKind};
use e2e::browser::{Browser, ColourScheme, Screen};
use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;

use site::{Site, health_card, logins, message, post, small_card};

const LIVE: &str = "document.querySelector('#connection').dataset.state === 'live'";

async fn demo(screen: Screen) -> anyhow::Result<(Site, Browser)> {
    let site = Site::start(WebMode::Demo).await?;
    let browser = Browser::start(screen).await?;
    browser.open(&site.url("/")).await?;
    browser.wait_until(LIVE).await?;
    Ok((site, browser))
}

fn keys(all: &[Key]) -> String {
    all.iter().map(|&key| char::from(key)).collect()
}

const FORWARD: &[Key] = &[Key::Tab];
const BACK: &[Key] = &[Key::Shift, Key::Tab];

/// Moves the focus until it is where a JavaScript condition on `focused` says.
async fn tab_to(browser: &Browser, way: &[Key], condition: &str) -> anyhow::Result<()> {
    let expression = format!("(focused => Boolean({condition}))(document.activeElement)");
    for _ in 0..40 {
        if browser.evaluate(&expression).await? == json!(true) {
            return Ok(());
        }
        browser.type_keys(&keys(way)).await?;
    }
    anyhow::bail!("the keyboard does not reach {condition}")
}

#[tokio::test]
async fn a_line_is_completed_sent_and_answered_by_keyboard_alone() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    assert_eq!(browser.evaluate("document.activeElement.id").await?, "line");

    browser.type_keys("he").await?;
    browser.wait_until("document.querySelectorAll('#completions [role=option]').length === 2").await?;
    assert_eq!(browser.evaluate("document.querySelector('#line').ariaExpanded").await?, "true");
    browser.type_keys(&keys(&[Key::Down])).await?;
    let active =
        "document.getElementById(document.querySelector('#line').getAttribute('aria-activedescendant'))";
    assert_eq!(browser.evaluate(&format!("{active}.querySelector('.insert').textContent")).await?, "health");
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.querySelector('#line').value === 'health '").await?;
    browser.wait_until("document.querySelector('.insert')?.textContent === '--wait'").await?;
    browser.type_keys(&keys(&[Key::Escape])).await?;
    browser.wait_until("document.querySelector('#completions').hidden").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;

    browser.wait_until("document.querySelectorAll('.card tbody tr').length === 6").await?;
    browser.wait_until("document.querySelector('.said')?.textContent === 'health'").await?;
    browser.wait_until("document.querySelector('#line').value === ''").await?;
    let authors = "[...document.querySelectorAll('.message .name')].map(name => name.textContent)";
    browser.wait_until(&format!("JSON.stringify({authors}) === '[\"Ann Example\",\"pager\"]'")).await?;
    assert_eq!(browser.evaluate("document.querySelector('.badge').innerText").await?, "✕ Problem");

    browser.type_keys(&keys(&[Key::Up])).await?;
    browser.wait_until("document.querySelector('#line').value === 'health'").await?;
    browser.type_keys(&keys(&[Key::Escape])).await?;
    browser.wait_until("document.querySelector('#line').value === ''").await?;
    assert_eq!(site.heard().len(), 1);
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn buttons_next_lines_and_reactions_are_within_the_keyboards_reach() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    site.chat.send(&post("health", health_card())).await?;
    browser.find(".card .button").await?;

    tab_to(&browser, BACK, "focused.textContent === 'Start auth_service'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser
        .wait_until("document.querySelector('.card h3').textContent === 'auth_service was started'")
        .await?;
    assert_eq!(browser.evaluate("document.querySelectorAll('.card').length").await?, 1);
    // The card was drawn anew; the focus is where it was.
    browser.wait_until("document.activeElement.textContent === 'Start auth_service'").await?;
    let heard = site.heard();
    assert!(matches!(&heard[0].kind, EventKind::Click { value, .. } if value == "start:auth"), "{heard:?}");

    tab_to(&browser, FORWARD, "focused.className === 'react'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.activeElement.dataset.emoji === '✅'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    let chip = "document.querySelector('.chip')";
    browser.wait_until(&format!("{chip}?.textContent === '✅ 1'")).await?;
    assert_eq!(browser.evaluate(&format!("{chip}.title")).await?, "Ann Example");
    assert_eq!(browser.evaluate(&format!("{chip}.ariaPressed")).await?, "true");
    tab_to(&browser, BACK, "focused.className === 'chip'").await?;
    browser.type_keys(" ").await?;
    browser.wait_until(&format!("{chip} === null")).await?;
    assert_eq!(browser.evaluate("document.activeElement.className").await?, "react");

    tab_to(&browser, BACK, "focused.textContent === 'health auth_service'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    assert_eq!(browser.evaluate("document.activeElement.value").await?, "health auth_service");
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_button_that_asks_for_words_opens_a_form_within_the_keyboards_reach() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::PHONE).await?;
    let ask = Ask::Resolve(IncidentNumber(7));
    let button = Button { label: "Resolve".to_owned(), value: ask.value(), style: ButtonStyle::Plain };
    let card = Card { buttons: vec![button], ..small_card("P1 incident 7", Tone::Bad) };
    site.chat.send(&post("card", card)).await?;
    browser.find(".card .button").await?;
    tab_to(&browser, BACK, "focused.textContent === 'Resolve'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    // The first field has the focus, and the focus can't leave the form.
    browser
        .wait_until("document.querySelector('#form').open && document.activeElement.name === 'how'")
        .await?;
    assert_eq!(browser.evaluate("document.querySelector('#form-title').textContent").await?, "Resolve 7");
    assert_eq!(browser.evaluate(PALE).await?, json!([]));
    let named = "[...document.querySelectorAll('#form [name]')].map(field => field.labels[0].textContent)";
    let labels = json!(["What mended it?", "Why it is over though checks fail"]);
    assert_eq!(browser.evaluate(named).await?, labels);
    browser.type_keys(&keys(&[Key::Escape])).await?;
    browser.wait_until("document.activeElement.textContent === 'Resolve'").await?;
    assert_eq!(site.heard().len(), 0, "what is left does nothing");

    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.activeElement.name === 'how'").await?;
    tab_to(&browser, FORWARD, "focused.id === 'form-send'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    // The browser keeps what is required from being left out.
    browser.wait_until("document.activeElement.name === 'how'").await?;
    browser.type_keys("it's <b>mended</b>").await?;
    tab_to(&browser, FORWARD, "focused.id === 'form-send'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("!document.querySelector('#form').open").await?;
    let line = "incident resolve \"it's <b>mended</b>\" --number 7";
    let said = "document.querySelector('.said')?.textContent";
    browser.wait_until(&format!("{said} === {}", json!(line))).await?;
    let heard = site.heard();
    assert!(
        matches!(&heard[..], [ChatEvent { kind: EventKind::Command { line: heard, .. }, .. }] if heard == line)
    );
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_skip_link_leads_to_the_command_line() -> anyhow::Result<()> {
    let (_site, browser) = demo(Screen::DESK).await?;
    browser.evaluate("document.activeElement.blur()").await?;
    tab_to(&browser, FORWARD, "focused.className === 'skip'").await?;
    browser.wait_until("document.querySelector('.skip').getBoundingClientRect().top > 0").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.activeElement.id === 'line'").await?;
    Ok(())
}

#[tokio::test]
async fn one_picks_who_one_is() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    browser.find("#person").await?.select_by_label("Bob Example (approver)").await?;
    browser.wait_until(LIVE).await?;
    browser.find("#line").await?.send_keys("help").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.querySelector('.message .name')?.textContent === 'Bob Example'").await?;
    assert_eq!(site.heard()[0].from.id, "bob");
    browser.open(&site.url("/")).await?;
    browser.wait_until(&format!("{LIVE} && document.querySelector('#person').value === 'bob'")).await?;
    Ok(())
}

#[tokio::test]
async fn each_room_has_its_own_messages() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    site.chat.send(&post("first", small_card("In incidents", Tone::Good))).await?;
    browser.find(".card").await?;
    browser.find("#room").await?.select_by_label("#drill").await?;
    browser.wait_until("!document.querySelector('.card').checkVisibility()").await?;
    browser.find("#line").await?.send_keys("help").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.querySelector('[data-room=drill] .said')?.textContent === 'help'").await?;
    assert_eq!(site.heard()[0].place.room.to_string(), "web:drill");
    Ok(())
}

/// WCAG's contrast of each visible text with its ground, where it is less than 4.5.
const PALE: &str = r"(() => {
  const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return [...pixel.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba('canvas');
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || !node.checkVisibility()) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)} ${node.className} ${walker.currentNode.data}`);
  }
  return pale;
})()";

#[tokio::test]
async fn everything_is_legible_in_light_and_in_dark() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    for (index, tone) in [Tone::Good, Tone::Neutral, Tone::Warning, Tone::Bad].into_iter().enumerate() {
        let card = Card { tone, ..health_card() };
        site.chat.send(&post(&format!("tone-{index}"), card)).await?;
    }
    browser.wait_until("document.querySelectorAll('.card').length === 4").await?;
    browser.find("#line").await?.send_keys("h").await?;
    browser.wait_until("document.querySelectorAll('#completions [role=option]').length === 2").await?;
    browser.type_keys(&keys(&[Key::Down])).await?;
    let mut grounds = Vec::new();
    for scheme in [ColourScheme::Light, ColourScheme::Dark] {
        browser.prefer(scheme).await?;
        assert_eq!(browser.evaluate(PALE).await?, json!([]), "{scheme:?}");
        grounds.push(browser.evaluate("getComputedStyle(document.body).backgroundColor").await?);
    }
    assert_ne!(grounds[0], grounds[1]);
    Ok(())
}

#[tokio::test]
async fn on_a_phone_nothing_has_to_be_pushed_sideways() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::PHONE).await?;
    let long = "x".repeat(300);
    let card = Card {
        sections: vec![Section::Facts(vec![(long.clone(), long.clone())])],
        ..small_card(&long, Tone::Warning)
    };
    site.chat.send(&post("long", card)).await?;
    site.chat.send(&post("health", health_card())).await?;
    browser.wait_until("document.querySelectorAll('.card').length === 2").await?;
    for width in [360, 320] {
        browser.resize(Screen { width, ..Screen::PHONE }).await?;
        browser.wait_until(&format!("innerWidth === {width}")).await?;
        let wide = "[document.documentElement, document.querySelector('#scroll'), \
            ...document.querySelectorAll('.table-box')].filter(box => box.scrollWidth > box.clientWidth).length";
        assert_eq!(browser.evaluate(wide).await?, 0, "{width}");
        let cut = "[...document.querySelectorAll('td, .button, header *')].filter(node => \
            node.checkVisibility() && node.getBoundingClientRect().right > innerWidth).length";
        assert_eq!(browser.evaluate(cut).await?, 0, "{width}");
    }
    // What a row's cells mean is still said, to eyes and to screen readers.
    let label = "getComputedStyle(document.querySelectorAll('tbody tr')[1].cells[2], '::before').content";
    assert_eq!(browser.evaluate(label).await?, "\"Latency\"");
    assert_eq!(browser.evaluate("document.querySelector('td').getAttribute('role')").await?, "cell");
    // Smaller letters make phones zoom in when the input gets the focus.
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('#line')).fontSize").await?, "16px");
    Ok(())
}

#[tokio::test]
async fn the_page_reconnects_and_shows_what_it_missed() -> anyhow::Result<()> {
    let (mut site, browser) = demo(Screen::DESK).await?;
    let titles = "JSON.stringify([...document.querySelectorAll('.card h3')].map(title => title.textContent))";
    let first = site.chat.send(&post("first", small_card("First", Tone::Good))).await?;
    browser.wait_until(&format!("{titles} === '[\"First\"]'")).await?;

    site.wire.cut().await;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'reconnecting'").await?;
    assert_eq!(browser.find("#connection").await?.text().await?, "reconnecting…");
    site.chat.send(&post("second", small_card("Second", Tone::Good))).await?;
    site.chat.send(&post("first", small_card("First, edited", Tone::Good))).await?;
    site.wire.mend().await?;
    browser.wait_until(&format!("{LIVE} && {titles} === '[\"First, edited\",\"Second\"]'")).await?;
    let id = &message(&first.posted).id;
    browser.find(&format!(".message[data-id='{id}']")).await?;

    // A new process has nothing of the old one: the page shows what there is now.
    site.restart().await?;
    site.chat.send(&post("third", small_card("Third", Tone::Good))).await?;
    browser.wait_until(&format!("{LIVE} && {titles} === '[\"Third\"]'")).await?;
    Ok(())
}

#[tokio::test]
async fn what_could_not_be_stored_stays_in_the_input_and_goes_out_once() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    browser.type_keys("disk full").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.querySelector('#trouble').innerText.includes('could not store')").await?;
    assert_eq!(browser.evaluate("document.activeElement.value").await?, "disk full");
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser.wait_until("document.querySelector('#line').value === ''").await?;
    browser.wait_until("document.querySelector('#trouble').hidden").await?;
    let [first, second] = site.heard().try_into().expect("two tries");
    assert_eq!(first.delivery, second.delivery);
    Ok(())
}

#[tokio::test]
async fn markup_from_outside_is_text_and_nothing_is_fetched_elsewhere() -> anyhow::Result<()> {
    let (site, browser) = demo(Screen::DESK).await?;
    let evil = "<img src=x onerror=\"document.title='owned'\"> <b>bold</b> \u{202e}txt";
    let sections = vec![
        Section::Text(evil.to_owned()),
        Section::Facts(vec![(evil.to_owned(), evil.to_owned())]),
        Section::Code(evil.to_owned()),
        Section::Next(vec![evil.to_owned()]),
    ];
    site.chat.send(&post("evil", Card { sections, ..small_card(evil, Tone::Bad) })).await?;
    browser.find(".card pre").await?;
    assert_eq!(browser.client().find_all(Locator::Css(".card img, .card b")).await?.len(), 0);
    assert_eq!(browser.client().title().await?, "pager");
    let shown = browser.evaluate("document.querySelector('.card h3').textContent").await?;
    assert_eq!(shown, evil.replace('\u{202e}', "\u{fffd}"));
    let elsewhere = "performance.getEntriesByType('resource').map(entry => entry.name) \
        .filter(name => !name.startsWith(location.origin) && !name.startsWith('data:'))";
    assert_eq!(browser.evaluate(elsewhere).await?, json!([]));
    assert_eq!(browser.console_errors().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_one_time_link_logs_in_by_its_button() -> anyhow::Result<()> {
    let site = Site::start(WebMode::Login(logins())).await?;
    let browser = Browser::start(Screen::PHONE).await?;
    browser.open(&site.url("/login?token=good")).await?;
    // The token is out of the address, and so out of the browser's history.
    browser.wait_until("location.href.endsWith('/login')").await?;
    browser.wait_until("document.activeElement.id === 'redeem'").await?;
    browser.type_keys(&keys(&[Key::Enter])).await?;
    browser
        .wait_until(&format!("{LIVE} && document.querySelector('#me').innerText.includes('Ann Example')"))
        .await?;
    assert_eq!(browser.evaluate("document.cookie").await?, "", "scripts can't read the session");

    browser.find("#logout").await?.click().await?;
    browser.wait_until("document.querySelector('#login').innerText.includes('acgs web-login NAME')").await?;
    browser.open(&site.url("/login?token=good")).await?;
    browser.find("#redeem").await?.click().await?;
    browser.wait_until("document.querySelector('#login-trouble').innerText.includes('used before')").await?;
    browser.open(&site.url("/")).await?;
    browser
        .wait_until("!document.querySelector('#login').hidden && document.querySelector('#chat').hidden")
        .await?;
    Ok(())
}
