"""Bumble's software controller, made fit for Linux's Bluetooth stack."""

import asyncio

from bumble import hci
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink


class Air(LocalLink):
    """The air between the controllers."""

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        # The sender is known under the address that it connected with. Bumble takes its random address, which BlueZ,
        # connecting with its public one, never has: the packets would find no connection.
        connection = None
        if transport == PhysicalTransport.LE:
            connection = sender_controller.le_connections.get(destination_address)
        if connection is None:
            super().send_acl_data(sender_controller, destination_address, transport, data)
            return
        receiver = self.find_le_controller(destination_address)
        if receiver is not None:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )

    def lose(self, controller: Controller, connection: Connection) -> None:
        """Ends a connection on both sides as radio silence does, with no word from either."""
        reason = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        peer = self.find_le_controller(connection.peer_address)
        other_end = peer.le_connections.get(connection.self_address) if peer else None
        controller.on_le_disconnected(connection, reason)
        if peer and other_end:
            peer.on_le_disconnected(other_end, reason)


class BoardController(Controller):
    """A Bluetooth controller of version 5.0 with what BlueZ needs, and no more."""

    # With LL privacy the kernel waits for an enhanced connection-complete event, which Bumble does not send; with
    # extended advertising it mixes legacy commands with extended reports.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LL_PRIVACY
        | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )

    def on_hci_le_create_connection_cancel_command(self, command):
        # A cancelled attempt ends with a connection-complete event that says so; the kernel waits for it.
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        # The command's own answer goes first.
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return super().on_hci_le_create_connection_cancel_command(command)

    def on_hci_reset_command(self, command):
        # A host that starts anew knows of no connections, scans or attempts.
        self.forget_all()
        return super().on_hci_reset_command(command)

    def forget_all(self) -> None:
        """Ends every connection, scan and attempt, as a controller does that loses its power."""
        self.pending_le_connection = None
        self.le_scan_enable = False
        self.le_legacy_advertiser.stop()
        for connection in list(self.le_connections.values()):
            self.link.lose(self, connection)
