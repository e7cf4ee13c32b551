//! The 16-bit numbers that the Bluetooth SIG assigned to services and characteristics (*Assigned Numbers*,
//! sections 3.4 and 3.8), and the 128-bit UUIDs that they stand for.

/// Heart Rate service.
pub const HEART_RATE_SERVICE: u16 = 0x180D;
/// Heart Rate Measurement: see [`heart_rate::Measurement`](crate::heart_rate::Measurement).
pub const HEART_RATE_MEASUREMENT: u16 = 0x2A37;
/// Body Sensor Location: see [`heart_rate::BodySensorLocation`](crate::heart_rate::BodySensorLocation).
pub const BODY_SENSOR_LOCATION: u16 = 0x2A38;
/// Heart Rate Control Point: see [`heart_rate::ControlPoint`](crate::heart_rate::ControlPoint).
pub const HEART_RATE_CONTROL_POINT: u16 = 0x2A39;

/// Battery service.
pub const BATTERY_SERVICE: u16 = 0x180F;
/// Battery Level: see [`battery::BatteryLevel`](crate::battery::BatteryLevel).
pub const BATTERY_LEVEL: u16 = 0x2A19;

/// Device Information service.
pub const DEVICE_INFORMATION_SERVICE: u16 = 0x180A;
/// Manufacturer Name String: see [`device_information::decode_string`](crate::device_information::decode_string).
pub const MANUFACTURER_NAME: u16 = 0x2A29;
/// Model Number String.
pub const MODEL_NUMBER: u16 = 0x2A24;
/// Serial Number String.
pub const SERIAL_NUMBER: u16 = 0x2A25;
/// Hardware Revision String.
pub const HARDWARE_REVISION: u16 = 0x2A27;
/// Firmware Revision String.
pub const FIRMWARE_REVISION: u16 = 0x2A26;
/// Software Revision String.
pub const SOFTWARE_REVISION: u16 = 0x2A28;
/// System ID: see [`device_information::SystemId`](crate::device_information::SystemId).
pub const SYSTEM_ID: u16 = 0x2A23;
/// PnP ID: see [`device_information::PnpId`](crate::device_information::PnpId).
pub const PNP_ID: u16 = 0x2A50;

/// The Bluetooth Base UUID, 00000000-0000-1000-8000-00805F9B34FB (Core Specification, Vol 3, Part B, 2.5.1).
pub const BASE: u128 = 0x00000000_0000_1000_8000_00805F9B34FB;

/// The 128-bit UUID that an assigned 16-bit number stands for: the number takes the bits 96 to 111 of [`BASE`].
pub const fn expand(assigned: u16) -> u128 {
    BASE | (assigned as u128) << 96
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_into_the_base_uuid() {
        let cases = [
            (0x0000, 0x00000000_0000_1000_8000_00805F9B34FB),
            (HEART_RATE_SERVICE, 0x0000180D_0000_1000_8000_00805F9B34FB),
            (HEART_RATE_MEASUREMENT, 0x00002A37_0000_1000_8000_00805F9B34FB),
            (0xFFFF, 0x0000FFFF_0000_1000_8000_00805F9B34FB),
        ];
        for (assigned, expanded) in cases {
            assert_eq!(expand(assigned), expanded, "{assigned:#06X}");
        }
    }
}
