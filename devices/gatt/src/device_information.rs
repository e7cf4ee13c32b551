//! The Device Information service (DIS): who made the strap, and which one it is.

use crate::octets::{Octets, check_len};
use crate::{DecodeError, VALUE_LEN_MAX};

const STRING: &str = "Device Information string";
const SYSTEM_ID: &str = "System ID";
const PNP_VENDOR_ID_SOURCE: &str = "PnP ID: Vendor ID Source";
const PNP_VENDOR_ID: &str = "PnP ID: Vendor ID";
const PNP_PRODUCT_ID: &str = "PnP ID: Product ID";
const PNP_PRODUCT_VERSION: &str = "PnP ID: Product Version";

/// Decodes one of the UTF-8 strings of the service: manufacturer name, model number, serial number, hardware,
/// firmware or software revision (GSS, *Manufacturer Name String* and so on).
///
/// NUL octets at the end are dropped: some straps send their string with the terminator or padding of its buffer.
/// An empty string is allowed. Anything else is kept as sent, control characters too: escape it before you
/// print it.
///
/// # Errors
/// Not UTF-8, or longer than an attribute can be.
pub fn decode_string(value: &[u8]) -> Result<String, DecodeError> {
    check_len(value, STRING)?;
    let text =
        std::str::from_utf8(value).map_err(|source| DecodeError::InvalidUtf8 { field: STRING, source })?;
    Ok(text.trim_end_matches('\0').to_owned())
}

/// Encodes one of the UTF-8 strings of the service. A text that is longer than an attribute can be is cut at the
/// end of the last character that fits.
pub fn encode_string(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(VALUE_LEN_MAX)]
}

/// System ID (0x2A23): an EUI-64 that is unique to this one device (GSS, *System ID*).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SystemId(u64);

impl SystemId {
    const MANUFACTURER_BITS: u32 = 40;

    /// The system ID with this EUI-64.
    pub const fn from_eui64(eui64: u64) -> Self {
        Self(eui64)
    }

    /// The EUI-64: the organizationally unique identifier in the upper 24 bits, the manufacturer-defined
    /// identifier in the lower 40.
    pub const fn eui64(self) -> u64 {
        self.0
    }

    /// The Organizationally Unique Identifier (OUI), 24 bits, that the IEEE gave to the manufacturer.
    pub const fn organizationally_unique_identifier(self) -> u32 {
        (self.0 >> Self::MANUFACTURER_BITS) as u32
    }

    /// The Manufacturer-defined Identifier, 40 bits.
    pub const fn manufacturer_identifier(self) -> u64 {
        self.0 & ((1 << Self::MANUFACTURER_BITS) - 1)
    }

    /// Decodes the value of the characteristic.
    ///
    /// # Errors
    /// Not exactly eight octets.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, SYSTEM_ID)?;
        let eui64 = octets.u64(SYSTEM_ID)?;
        octets.finish(SYSTEM_ID)?;
        Ok(Self(eui64))
    }

    /// Encodes the value of the characteristic.
    pub const fn encode(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

/// Who assigned the vendor ID of a [`PnpId`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum VendorIdSource {
    /// 1: a company identifier of the Bluetooth SIG.
    BluetoothSig,
    /// 2: a vendor ID of the USB Implementer's Forum.
    UsbImplementersForum,
    /// A number that the specification reserves.
    Other(u8),
}

impl From<u8> for VendorIdSource {
    fn from(raw: u8) -> Self {
        match raw {
            1 => Self::BluetoothSig,
            2 => Self::UsbImplementersForum,
            other => Self::Other(other),
        }
    }
}

impl From<VendorIdSource> for u8 {
    fn from(source: VendorIdSource) -> Self {
        match source {
            VendorIdSource::BluetoothSig => 1,
            VendorIdSource::UsbImplementersForum => 2,
            VendorIdSource::Other(other) => other,
        }
    }
}

/// PnP ID (0x2A50): vendor, product and version as numbers, the same for every device of a model
/// (GSS, *PnP ID*).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PnpId {
    /// Who assigned `vendor_id`.
    pub vendor_id_source: VendorIdSource,
    /// The vendor.
    pub vendor_id: u16,
    /// The product, numbered by the vendor.
    pub product_id: u16,
    /// The version, numbered by the vendor; 0xJJMN by convention, for JJ.M.N in decimal-coded digits.
    pub product_version: u16,
}

impl PnpId {
    /// Decodes the value of the characteristic.
    ///
    /// # Errors
    /// Not exactly seven octets.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, PNP_VENDOR_ID_SOURCE)?;
        let pnp_id = Self {
            vendor_id_source: octets.u8(PNP_VENDOR_ID_SOURCE)?.into(),
            vendor_id: octets.u16(PNP_VENDOR_ID)?,
            product_id: octets.u16(PNP_PRODUCT_ID)?,
            product_version: octets.u16(PNP_PRODUCT_VERSION)?,
        };
        octets.finish(PNP_PRODUCT_VERSION)?;
        Ok(pnp_id)
    }

    /// Encodes the value of the characteristic.
    pub fn encode(&self) -> [u8; 7] {
        let [vendor_lo, vendor_hi] = self.vendor_id.to_le_bytes();
        let [product_lo, product_hi] = self.product_id.to_le_bytes();
        let [version_lo, version_hi] = self.product_version.to_le_bytes();
        let source = self.vendor_id_source.into();
        [source, vendor_lo, vendor_hi, product_lo, product_hi, version_lo, version_hi]
    }
}

#[cfg(test)]
mod tests;
