package import Hummingbird
package import NIOCore

/// The context of a request: its origin and its rights.
package struct AdminContext: RequestContext, RemoteAddressRequestContext {
    /// Hummingbird's own part.
    package var coreContext: CoreRequestContextStorage
    /// The other end of the connection; nil without a network, as in tests.
    package let remoteAddress: SocketAddress?
    /// The role of the request.
    package var role: Role?
    /// The credential of the request.
    package var pass: Pass?
    /// The person's name on pages.
    package var title: String?
    /// The address that is counted and logged, without its port; from a trusted proxy's header if there is one.
    package var clientAddress: String
    /// Whether the client's connection is encrypted.
    package var isHTTPS = false
    /// The host that a trusted proxy was asked for, if it reports one.
    package var forwardedHost: String?
    /// The code for the forms of a page; nil if the request isn't for a page.
    var visit: Visit?
    /// The name that its actions are recorded under.
    package var person: String = "unknown"

    /// The connection, for handlers that must close it.
    package let channel: any Channel

    /// Creates the context of a request.
    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
        clientAddress = remoteAddress?.ipAddress ?? "local"
    }

    /// The most bytes of a body.
    package static let mostBytes = 64 << 10

    /// The same limit for Hummingbird.
    package var maxUploadSize: Int { Self.mostBytes }
}
