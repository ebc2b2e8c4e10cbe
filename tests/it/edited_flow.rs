//! A card that does not say what is voted on any more cancels its plan.

use e2e::acting::{SOON, Scene};
use e2e::people::{BO, DEE};

#[tokio::test]
async fn an_edited_card_cancels_its_plan_when_it_is_read_again() {
    let scene = Scene::with("").await;
    let container = scene.stack.container("fv_service");
    let started =
        async || scene.stack.docker(&["inspect", "--format", "{{.State.StartedAt}}", &container]).await;
    let before = started().await;
    let card = scene.asks(DEE, "restart fv_service").await;
    let shown = card.visible();
    let digest = shown.rsplit("plan ").next().unwrap().get(..12).unwrap().to_owned();
    assert!(digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{shown}");
    scene.slack.edit(&card, &digest, "000000000000");
    scene.slack.react(BO, &card, "white_check_mark").await;
    scene.message("Its message was edited or deleted", SOON).await;
    assert_eq!(started().await, before);
}
