//! Tries the adapter by hand: `scan [--all] [ADDRESS …]` prints the heart-rate straps (or all peripherals)
//! that it sees for 15 s, then connects to each address given and prints what it sends, until Ctrl-C.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use carpus_ble::{BluezOptions, BluezRadio};
use carpus_devices::BoxStream;
use carpus_devices::bluetooth::{BleError, DeviceId, Link, Notification, Radio, RadioEvent};
use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const SCAN_TIME: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
const SEARCH_TIME: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_secs(2);

const HEART_RATE: Uuid = Uuid::from_u128(0x0000_180d_0000_1000_8000_0080_5f9b_34fb);
const HEART_RATE_MEASUREMENT: Uuid = Uuid::from_u128(0x0000_2a37_0000_1000_8000_0080_5f9b_34fb);

type Failure = Box<dyn std::error::Error>;
type Followed = (Arc<dyn Link>, BoxStream<'static, Notification>);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let (all, addresses): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word == "--all");
    let straps = addresses.iter().map(|text| DeviceId::parse(text)).collect::<Result<BTreeSet<_>, _>>()?;
    let radio = Arc::new(BluezRadio::new(BluezOptions::default()));
    let mut events = radio.open().await?;
    println!("{}", radio.describe().await?);

    radio.start_scan(if all.is_empty() { vec![HEART_RATE] } else { vec![] }).await?;
    let mut unseen = straps.clone();
    timeout(SCAN_TIME, look(&mut events, &mut unseen)).await.ok();
    radio.stop_scan().await?;

    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            println!("{event:?}");
        }
        println!("the adapter is gone");
    });
    for strap in straps {
        match follow(&radio, &strap).await {
            Ok(values) => drop(tokio::spawn(print(strap, values, Arc::clone(&radio)))),
            Err(error) => println!("{strap}: {}", chain(&error)),
        }
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Prints what is seen, until all of `unseen` were.
async fn look(events: &mut BoxStream<'static, RadioEvent>, unseen: &mut BTreeSet<DeviceId>) {
    let ends_early = !unseen.is_empty();
    while let Some(event) = events.next().await {
        println!("{event:?}");
        if let RadioEvent::Seen(seen) = &event {
            unseen.remove(&seen.device);
        }
        if ends_early && unseen.is_empty() {
            return;
        }
    }
}

async fn follow(
    radio: &BluezRadio,
    strap: &DeviceId,
) -> Result<(Arc<dyn Link>, BoxStream<'static, carpus_devices::bluetooth::Notification>), BleError> {
    let link = radio.connect(strap.clone(), CONNECT_LIMIT).await?;
    println!("{strap}: connected to {:?}, {} characteristics", link.name(), link.characteristics().len());
    let values = link.subscribe(vec![HEART_RATE_MEASUREMENT]).await?;
    Ok((link, values))
}

/// Prints the values, and connects again when the link is gone.
async fn print(
    strap: DeviceId,
    first: (Arc<dyn Link>, BoxStream<'static, carpus_devices::bluetooth::Notification>),
    radio: Arc<BluezRadio>,
) {
    let mut current = Some(first);
    loop {
        if let Some((_link, mut values)) = current.take() {
            while let Some(notification) = values.next().await {
                println!("{strap}: {:02x?}", notification.value);
            }
            println!("{strap}: the link is gone");
        }
        sleep(RETRY_PAUSE).await;
        match again(&radio, &strap).await {
            Ok(again) => current = Some(again),
            Err(error) => println!("{strap}: {}", chain(&error)),
        }
    }
}

/// Connects again, with a scan before when BlueZ has forgotten the strap.
async fn again(radio: &BluezRadio, strap: &DeviceId) -> Result<Followed, BleError> {
    // One connect at a time, and no scan meanwhile.
    static RADIO_IN_USE: Mutex<()> = Mutex::const_new(());
    let _turn = RADIO_IN_USE.lock().await;
    match follow(radio, strap).await {
        Err(BleError::Unknown(_)) => {
            println!("{strap}: looking for it");
            radio.start_scan(vec![HEART_RATE]).await?;
            sleep(SEARCH_TIME).await;
            radio.stop_scan().await?;
            follow(radio, strap).await
        }
        result => result,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
