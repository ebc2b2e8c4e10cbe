use super::*;

fn inspected() -> Value {
    json!({
        "Id": "0123456789abcdef",
        "Config": {
            "Hostname": "0123456789ab", "Image": "auth:1", "Env": ["A=1", "PATH=/bin", "B="], "Cmd": ["serve"],
            "Entrypoint": ["/tini"], "Labels": {"own": "1", "built": "2"}, "Later": {"unknown": true}
        },
        "HostConfig": {
            "NetworkMode": "p_default", "Binds": ["data:/data:rw", "/anonymous"],
            "Mounts": [{"Type": "volume", "Target": "/mounted"}]
        },
        "Mounts": [
            {"Type": "volume", "Name": "data", "Destination": "/data", "RW": true},
            {"Type": "volume", "Name": "v1", "Destination": "/anonymous", "RW": true},
            {"Type": "volume", "Name": "v2", "Destination": "/of-the-image", "RW": false},
            {"Type": "volume", "Name": "v3", "Destination": "/mounted", "RW": true},
            {"Type": "bind", "Source": "/etc", "Destination": "/etc"}
        ],
        "NetworkSettings": {"Networks": {
            "p_default": {"NetworkID": "n1", "Aliases": ["auth", "0123456789ab"], "IPAddress": "10.0.0.2",
                "IPAMConfig": {"IPv4Address": "10.0.0.2"}},
            "p_other": {"NetworkID": "n2", "Aliases": ["auth2"], "IPAMConfig": null}
        }}
    })
}

#[test]
fn all_but_what_the_engine_gives_is_taken_over() {
    let recipe = again(&inspected());
    assert_eq!(recipe.body["Later"], json!({"unknown": true}));
    assert_eq!(recipe.body["Hostname"], Value::Null);
    assert_eq!(
        recipe.body["NetworkingConfig"]["EndpointsConfig"],
        json!({"p_default": {"Aliases": ["auth"], "IPAMConfig": {"IPv4Address": "10.0.0.2"}}})
    );
    assert_eq!(recipe.networks, [("n2".to_owned(), json!({"Aliases": ["auth2"]}))]);
}

#[test]
fn volumes_without_a_name_go_along() {
    let host = again(&inspected()).body["HostConfig"].clone();
    assert_eq!(host["Binds"], json!(["data:/data:rw", "v1:/anonymous", "v2:/of-the-image:ro"]));
    assert_eq!(host["Mounts"], json!([{"Type": "volume", "Target": "/mounted", "Source": "v3"}]));
}

#[test]
fn another_image_brings_what_is_its_own() {
    let mut recipe = again(&inspected());
    let old = json!({"Config": {"Cmd": ["serve"], "Entrypoint": null, "Env": ["PATH=/bin"], "Labels": {"built": "2", "own": "0"}}});
    recipe.take_image("auth:2", &old);
    assert_eq!((&recipe.body["Cmd"], &recipe.body["Entrypoint"]), (&Value::Null, &json!(["/tini"])));
    assert_eq!(recipe.body["Env"], json!(["A=1", "B="]));
    assert_eq!(recipe.body["Labels"], json!({"own": "1"}));
    assert_eq!(recipe.body["Image"], "auth:2");
}

#[test]
fn a_variable_is_set_once() {
    let mut recipe = again(&inspected());
    recipe.set(&[("A".to_owned(), "2=3".into()), ("NEW".to_owned(), "".into())]).unwrap();
    assert_eq!(recipe.body["Env"], json!(["PATH=/bin", "B=", "A=2=3", "NEW="]));
    for name in ["", "A=B", "A\0"] {
        assert_eq!(recipe.set(&[(name.to_owned(), "x".into())]), Err(name.to_owned()));
    }
    assert!(recipe.set(&[("A".to_owned(), "x\0y".into())]).is_err());
}

#[test]
fn no_network_of_its_own_means_none_to_attach() {
    for mode in ["host", "none", "container:x"] {
        let mut inspected = inspected();
        inspected["HostConfig"]["NetworkMode"] = json!(mode);
        let recipe = again(&inspected);
        assert_eq!(recipe.body["NetworkingConfig"]["EndpointsConfig"], json!({}), "{mode}");
        assert!(recipe.networks.is_empty());
    }
}
