//! Whatever the service answers: a list is what its answers hold, entry by entry, and nothing else passes for
//! one; no bug shows, and no text but an id holds a secret.
#![no_main]

use std::ffi::CStr;

use koodrive::client::Client;
use koodrive::error::Error;
use koodrive_fuzz::service::{NOVEMBER_2025, World};
use koodrive_fuzz::{caller, listing, script};
use libfuzzer_sys::fuzz_target;

/// Ids, and all other texts.
type Listed = (Vec<String>, Vec<String>);

fuzz_target!(|input: &[u8]| {
    let Some((how, script)) = input.split_first() else {
        return;
    };
    let world = World::new(script::read(script), NOVEMBER_2025);
    let client = caller::client(*how, &world);
    let (queries, listed) = match how / 16 % 3 {
        0 => (1, devices(&client)),
        1 => (1, scopes(&client, Some("101"))),
        _ => (3, scopes(&client, None)),
    };

    let exchanges = world.exchanges();
    assert!(exchanges.iter().all(|exchange| exchange.ids.is_empty()));
    let answered: Vec<_> = exchanges.iter().filter_map(listing::of).collect();
    match listed {
        Ok((ids, texts)) => {
            assert_eq!(answered.len(), queries, "one list for each request");
            assert_eq!(ids, answered.concat());
            caller::check_secrets(&texts, &exchanges);
        }
        Err(error) => {
            assert!(answered.len() < queries, "all was answered: {error}");
            caller::check_messages(&caller::texts_of(error), &exchanges);
        }
    }
});

fn devices(client: &Client) -> Result<Listed, Error> {
    let list = client.list_devices(None, None)?;
    let ids = (0..list.count()).map(|index| text(list.device_id(index)));
    let details = |index| {
        let [name, os] = [list.name(index), list.os(index)];
        [name, os, list.machine_code(index), list.created_at(index)].map(text)
    };
    Ok((ids.collect(), (0..list.count()).flat_map(details).collect()))
}

fn scopes(client: &Client, module: Option<&str>) -> Result<Listed, Error> {
    let list = client.list_scopes(None, "device", module, None)?;
    let ids = (0..list.count()).map(|index| text(list.scope_id(index)));
    let details = |index| {
        let [module, path] = [list.module_code(index), list.local_path(index)];
        let [folder, created] = [list.target_folder_path(index), list.created_at(index)];
        [module, path, folder, created].map(text)
    };
    Ok((ids.collect(), (0..list.count()).flat_map(details).collect()))
}

fn text(text: Option<&CStr>) -> String {
    text.map_or(String::new(), |text| text.to_string_lossy().into_owned())
}
