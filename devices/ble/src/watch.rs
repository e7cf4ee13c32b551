//! Notices when bluetoothd, the adapter or the bus goes away: streams of D-Bus messages just fall silent then.

use std::sync::Arc;
use std::time::Duration;

use dbus::Message;
use dbus::channel::MatchingReceiver;
use dbus::message::MatchRule;
use dbus::nonblock::{Proxy, SyncConnection};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// BlueZ's name on the bus.
const SERVICE: &str = "org.bluez";
/// The interface that an adapter loses when it goes.
const ADAPTER_INTERFACE: &str = "org.bluez.Adapter1";
/// Where BlueZ's objects are, the adapters on the level below.
const OBJECTS: &str = "/org/bluez";

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
/// How long the bus itself may take to answer.
const BUS_LIMIT: Duration = Duration::from_secs(5);
const NAME_OWNER_CHANGED: &str = "NameOwnerChanged";
const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
const INTERFACES_REMOVED: &str = "InterfacesRemoved";

/// What went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// bluetoothd ended or was started anew.
    Service,
    /// The adapter was pulled out or disabled.
    Adapter,
    /// The connection to D-Bus broke.
    Bus,
}

/// A D-Bus connection of its own that only listens; closed when dropped.
pub(crate) struct Watch {
    connection: Arc<SyncConnection>,
    sender: mpsc::Sender<Lost>,
    lost: mpsc::Receiver<Lost>,
    bus: JoinHandle<()>,
}

impl Watch {
    /// Connects to the bus; its end is noticed from now on.
    pub(crate) fn connect() -> Result<Self, dbus::Error> {
        let (resource, connection) = dbus_tokio::connection::new_system_sync()?;
        let (sender, lost) = mpsc::channel(1);
        let broken = sender.clone();
        let bus = tokio::spawn(async move {
            let error = resource.await;
            tracing::debug!(%error, "D-Bus connection lost");
            tell(&broken, Lost::Bus);
        });
        Ok(Self { connection, sender, lost, bus })
    }

    /// What tells this run of the bus from all others.
    pub(crate) async fn bus_id(&self) -> Result<String, dbus::Error> {
        let bus = Proxy::new(BUS, BUS_PATH, BUS_LIMIT, Arc::clone(&self.connection));
        let (id,) = bus.method_call(BUS, "GetId", ()).await?;
        Ok(id)
    }

    /// Notices from now on also the end of BlueZ and of `adapter`.
    pub(crate) async fn follow(&self, adapter: &str) -> Result<(), dbus::Error> {
        let path = format!("{OBJECTS}/{adapter}");
        // The bus filters by these texts, so that nothing wakes the board but what matters.
        let owner = format!(
            "type='signal',sender='{BUS}',interface='{BUS}',member='{NAME_OWNER_CHANGED}',arg0='{SERVICE}'"
        );
        let removed = format!(
            "type='signal',sender='{SERVICE}',interface='{OBJECT_MANAGER}',member='{INTERFACES_REMOVED}',\
             arg0path='{path}'"
        );
        self.listen(MatchRule::new_signal(BUS, NAME_OWNER_CHANGED), service_lost);
        let adapter_lost = move |message: &Message| adapter_lost(message, &path);
        self.listen(MatchRule::new_signal(OBJECT_MANAGER, INTERFACES_REMOVED), adapter_lost);
        self.connection.add_match_no_cb(&owner).await?;
        self.connection.add_match_no_cb(&removed).await
    }

    fn listen(&self, rule: MatchRule<'static>, judge: impl Fn(&Message) -> Option<Lost> + Send + 'static) {
        let sender = self.sender.clone();
        let on_message = move |message: Message, _: &SyncConnection| {
            if let Some(lost) = judge(&message) {
                tell(&sender, lost);
            }
            true
        };
        self.connection.start_receive(rule, Box::new(on_message));
    }

    /// Waits until something went away. Can be cancelled without losing the news.
    pub(crate) async fn lost(&mut self) -> Lost {
        self.lost.recv().await.unwrap_or(Lost::Bus)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bus.abort();
    }
}

/// The first news is enough.
fn tell(sender: &mpsc::Sender<Lost>, lost: Lost) {
    let _ = sender.try_send(lost);
}

fn service_lost(message: &Message) -> Option<Lost> {
    let (name, old_owner, _new_owner): (&str, &str, &str) = message.read3().ok()?;
    (name == SERVICE && !old_owner.is_empty()).then_some(Lost::Service)
}

fn adapter_lost(message: &Message, adapter: &str) -> Option<Lost> {
    let (object, interfaces): (dbus::Path<'_>, Vec<&str>) = message.read2().ok()?;
    (*object == *adapter && interfaces.contains(&ADAPTER_INTERFACE)).then_some(Lost::Adapter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner_changed(name: &str, old: &str, new: &str) -> Option<Lost> {
        let signal = Message::new_signal("/org/freedesktop/DBus", BUS, NAME_OWNER_CHANGED).unwrap();
        service_lost(&signal.append3(name, old, new))
    }

    fn removed(object: &'static str, interface: &str) -> Option<Lost> {
        let signal = Message::new_signal("/", OBJECT_MANAGER, INTERFACES_REMOVED).unwrap();
        adapter_lost(&signal.append2(dbus::Path::from(object), vec![interface]), "/org/bluez/hci0")
    }

    #[test]
    fn bluetoothd_is_lost_when_it_ends_or_starts_anew() {
        assert_eq!(owner_changed(SERVICE, ":1.5", ""), Some(Lost::Service));
        assert_eq!(owner_changed(SERVICE, ":1.5", ":1.9"), Some(Lost::Service));
        assert_eq!(owner_changed(SERVICE, "", ":1.9"), None, "it came");
        assert_eq!(owner_changed("org.example", ":1.5", ""), None);
    }

    #[test]
    fn the_adapter_is_lost_with_its_interface() {
        assert_eq!(removed("/org/bluez/hci0", ADAPTER_INTERFACE), Some(Lost::Adapter));
        assert_eq!(removed("/org/bluez/hci1", ADAPTER_INTERFACE), None);
        assert_eq!(removed("/org/bluez/hci0", "org.bluez.NetworkServer1"), None);
        assert_eq!(removed("/org/bluez/hci0/dev_AA_BB_CC_00_11_22", "org.bluez.Device1"), None);
    }

    #[test]
    fn a_signal_of_another_shape_is_no_news() {
        let signal = Message::new_signal("/", BUS, NAME_OWNER_CHANGED).unwrap().append1(7u32);
        assert_eq!((service_lost(&signal), adapter_lost(&signal, "/org/bluez/hci0")), (None, None));
    }
}
