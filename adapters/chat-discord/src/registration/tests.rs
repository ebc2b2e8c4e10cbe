use commands::tree::CommandKind;

use super::*;

fn leaf(name: &str, options: Vec<OptionNode>) -> CommandNode {
    CommandNode {
        name: name.to_owned(),
        description: format!("About {name}"),
        details: None,
        role: commands::risk::Role::Viewer,
        kind: CommandKind::Leaf { risk: commands::risk::Risk::Read, options, examples: Vec::new() },
    }
}

fn option_node(name: &str, kind: OptionKind, required: bool) -> OptionNode {
    OptionNode {
        name: name.to_owned(),
        description: format!("The {name}"),
        placeholder: name.to_uppercase(),
        kind,
        required,
        positional: required,
        many: false,
    }
}

fn tree() -> CommandTree {
    let options = vec![
        option_node("deep", OptionKind::Boolean, false),
        option_node("wait", OptionKind::Integer { min: 1, max: 300 }, false),
        option_node("service", OptionKind::Service, true),
    ];
    let group = CommandNode {
        kind: CommandKind::Group { commands: vec![leaf("verify", Vec::new())] },
        ..leaf("audit", Vec::new())
    };
    CommandTree {
        name: "acgs".to_owned(),
        description: "Incident bot".to_owned(),
        commands: vec![leaf("health", options), group],
    }
}

#[test]
fn the_tree_becomes_one_command_with_typed_options_required_ones_first() {
    let json = serde_json::to_string_pretty(&command(&tree(), true)).expect("JSON");
    insta::assert_snapshot!(json, @r#"
    {
      "contexts": [
        0
      ],
      "description": "Incident bot",
      "name": "acgs",
      "options": [
        {
          "description": "About health",
          "name": "health",
          "options": [
            {
              "autocomplete": true,
              "description": "The service",
              "name": "service",
              "required": true,
              "type": 3
            },
            {
              "description": "The deep",
              "name": "deep",
              "required": false,
              "type": 5
            },
            {
              "description": "The wait",
              "max_value": 300,
              "min_value": 1,
              "name": "wait",
              "required": false,
              "type": 4
            }
          ],
          "type": 1
        },
        {
          "description": "About audit",
          "name": "audit",
          "options": [
            {
              "description": "About verify",
              "name": "verify",
              "options": [],
              "type": 1
            }
          ],
          "type": 2
        }
      ],
      "type": 1
    }
    "#);
}

#[test]
fn what_discord_adds_is_no_difference_and_what_people_see_is() {
    let ours = json!([command(&tree(), true)]);
    let mut theirs = ours.clone();
    theirs[0]["id"] = "12".into();
    theirs[0]["version"] = "13".into();
    theirs[0]["nsfw"] = false.into();
    theirs[0]["options"][0]["options"][1].as_object_mut().expect("an object").remove("required");
    assert_eq!(essence(&ours), essence(&theirs));
    theirs[0]["options"][0]["description"] = "Something else".into();
    assert_ne!(essence(&ours), essence(&theirs));
    assert_ne!(essence(&ours), essence(&json!([])));
}

#[test]
fn what_stands_in_a_messages_menu_is_registered_with_it_in_whatever_order() {
    let ours = json!(commands(&tree(), true));
    assert_eq!(ours[1], json!({"type": 3, "name": "Open incident", "contexts": [0]}));
    assert_eq!(ours[2], json!({"type": 3, "name": "Add to incident", "contexts": [0]}));
    assert_eq!(commands(&tree(), false)[1], json!({"type": 3, "name": "Open incident"}));
    let mut theirs = json!([ours[2], ours[0], ours[1]]);
    theirs[0]["description"] = "".into();
    assert!(same(&ours, &theirs));
    assert!(!same(&ours, &json!([ours[0], ours[1]])));
}

#[test]
fn only_what_discord_itself_finds_wrong_is_not_tried_again() {
    let refused = |status, code| CallError::Refused { status, code, message: String::new() };
    assert!(is_final(&refused(400, 50_035)), "Invalid Form Body");
    assert!(is_final(&refused(0, 0)), "the call never left");
    for error in [
        refused(400, 0),
        refused(403, 0),
        refused(403, 50_001),
        refused(404, 0),
        refused(407, 0),
        refused(408, 0),
        CallError::Unknown("502".to_owned()),
    ] {
        assert!(!is_final(&error), "{error}");
    }
}
