"""A strap as a Bluetooth peripheral: its services, and its place in the air. Runs on the radio's event loop."""

from bumble import att, gatt, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from straps.controller import Air, BoardController

# Body sensor location (2A38).
CHEST = 1
# Heart rate control point (2A39): the one command there is, and the answer to any other.
RESET_ENERGY_EXPENDED = b"\x01"
CONTROL_POINT_NOT_SUPPORTED = 0x80
# Fast enough to be found in one scan, slow enough for an emulated machine.
ADVERTISING_INTERVAL_MS = 100.0

READ = Characteristic.Properties.READ
NOTIFY = Characteristic.Properties.NOTIFY
WRITE = Characteristic.Properties.WRITE


class NotSubscribed(Exception):
    """Nobody would have received what the strap was to send."""


class Peripheral:
    """A heart-rate strap: heart rate, battery and device information.

    `heart_rate_service=False` makes one that names the service in its advertisement, and then does not have it.
    """

    def __init__(
        self,
        air: Air,
        name: str,
        address: str,
        battery_percent: int = 100,
        sensor_location: int = CHEST,
        heart_rate_service: bool = True,
    ):
        self.air = air
        self.name = name
        self.address = address
        self.energy_resets = 0
        self.in_range = False
        self._battery_percent = battery_percent
        self._controller = BoardController(name, link=air)
        self._device = Device(
            config=DeviceConfiguration(
                name=name,
                address=hci.Address(address),
                advertising_interval_min=ADVERTISING_INTERVAL_MS,
                advertising_interval_max=ADVERTISING_INTERVAL_MS,
                advertising_data=advertisement(name),
            ),
            host=Host(self._controller, AsyncPipeSink(self._controller)),
        )
        self._heart_rate = Characteristic(gatt.GATT_HEART_RATE_MEASUREMENT_CHARACTERISTIC, NOTIFY, 0)
        self._battery = Characteristic(
            gatt.GATT_BATTERY_LEVEL_CHARACTERISTIC,
            READ | NOTIFY,
            Characteristic.READABLE,
            CharacteristicValue(read=lambda _connection: bytes([self._battery_percent])),
        )
        services = [self._battery_service(), device_information()]
        if heart_rate_service:
            services.insert(0, self._heart_rate_service(sensor_location))
        self._device.add_services(services)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)

    async def put_on(self) -> None:
        """Powers the strap on; it advertises from now on."""
        await self._device.power_on()
        await self.come_back()

    async def remove(self) -> None:
        """Takes the strap out of the air for good."""
        await self.drop()
        self.air.remove_controller(self._controller)

    async def drop(self) -> None:
        """Loses its link without a word, and falls silent."""
        self.in_range = False
        await self._device.stop_advertising()
        for connection in list(self._controller.le_connections.values()):
            self.air.lose(self._controller, connection)

    async def come_back(self) -> None:
        """Advertises."""
        self.in_range = True
        await self._device.start_advertising()

    @property
    def connected(self) -> bool:
        return bool(self._device.connections)

    @property
    def subscribed(self) -> bool:
        handle = self._heart_rate.handle
        subscriptions = self._device.gatt_server.subscribers.values()
        return any(cccds.get(handle, b"\0")[0] & 1 for cccds in subscriptions)

    async def notify_heart_rate(self, value: bytes) -> None:
        if not self.subscribed:
            raise NotSubscribed(f"{self.name} has no subscriber for its heart rate")
        await self._device.notify_subscribers(self._heart_rate, value)

    async def set_battery(self, percent: int) -> None:
        self._battery_percent = percent
        await self._device.notify_subscribers(self._battery, bytes([percent]))

    def _heart_rate_service(self, sensor_location: int) -> Service:
        location = Characteristic(
            gatt.GATT_BODY_SENSOR_LOCATION_CHARACTERISTIC, READ, Characteristic.READABLE, bytes([sensor_location])
        )
        control_point = Characteristic(
            gatt.GATT_HEART_RATE_CONTROL_POINT_CHARACTERISTIC,
            WRITE,
            Characteristic.WRITEABLE,
            CharacteristicValue(write=self._on_control_point),
        )
        return Service(gatt.GATT_HEART_RATE_SERVICE, [self._heart_rate, location, control_point])

    def _battery_service(self) -> Service:
        return Service(gatt.GATT_BATTERY_SERVICE, [self._battery])

    def _on_control_point(self, _connection, value: bytes) -> None:
        if bytes(value) != RESET_ENERGY_EXPENDED:
            raise att.ATT_Error(CONTROL_POINT_NOT_SUPPORTED)
        self.energy_resets += 1

    def _on_connection(self, connection) -> None:
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)

    async def _on_disconnection(self, _reason: int) -> None:
        if self.in_range:
            await self._device.start_advertising()


def advertisement(name: str) -> bytes:
    """What a strap says of itself, in the 31 bytes that there are."""
    flags = AdvertisingData.Flags.LE_GENERAL_DISCOVERABLE_MODE | AdvertisingData.Flags.BR_EDR_NOT_SUPPORTED
    uuid = UUID.from_16_bits(0x180D)
    data = bytes(
        AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes([flags])),
                (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, bytes(uuid)),
                (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()),
            ]
        )
    )
    if len(data) > 31:
        raise ValueError(f"the name {name!r} is too long for an advertisement")
    return data


def device_information() -> Service:
    """The Device Information service, as a real strap has it."""

    def text(uuid: UUID, value: str) -> Characteristic:
        return Characteristic(uuid, READ, Characteristic.READABLE, value.encode())

    return Service(
        gatt.GATT_DEVICE_INFORMATION_SERVICE,
        [
            text(gatt.GATT_MANUFACTURER_NAME_STRING_CHARACTERISTIC, "Carpus"),
            text(gatt.GATT_MODEL_NUMBER_STRING_CHARACTERISTIC, "Virtual Strap"),
            text(gatt.GATT_FIRMWARE_REVISION_STRING_CHARACTERISTIC, "1.0"),
        ],
    )
