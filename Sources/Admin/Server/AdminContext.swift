package import Hummingbird
package import NIOCore

/// What one request carries beside itself: where it came from, and what it may do.
package struct AdminContext: RequestContext, RemoteAddressRequestContext {
    /// What Hummingbird keeps of a request.
    package var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection; nil where no network is in between, as in tests.
    package let remoteAddress: SocketAddress?
    /// What the request may do.
    package var role: Role?
    /// Under which name its actions are recorded.
    package var person: String = "unknown"

    /// The connection, for what must be able to close it.
    package let channel: any Channel

    /// Makes the context of a request on a connection.
    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
    }

    /// The address without its port: what failed attempts are counted by.
    package var clientAddress: String { remoteAddress?.ipAddress ?? "local" }

    /// The most bytes of a body that is read.
    package static let mostBytes = 64 << 10

    /// The same for what reads bodies by itself.
    package var maxUploadSize: Int { Self.mostBytes }
}
