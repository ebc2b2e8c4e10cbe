//! Takes the README's picture anew: `cargo run -p e2e --bin screenshot`, after `cargo build -p bot`.

use std::path::Path;

use e2e::browser::{Browser, ColourScheme, Screen};
use e2e::demo::Demo;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let demo = Demo::start(&[], &[]).await?;
    demo.sick("ac_service", "html=1").await?;
    let browser = Browser::start(Screen { width: 860, height: 980, is_phone: false }).await?;
    browser.prefer(ColourScheme::Light).await?;
    browser.open(&demo.url).await?;
    browser.wait_until("document.querySelector('#connection').dataset.state === 'live'").await?;
    browser.type_keys("health\u{e007}").await?;
    browser.wait_until("document.querySelectorAll('.card tbody tr').length === 6").await?;
    browser
        .save_screenshot(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/health-card.png"))
        .await
}
