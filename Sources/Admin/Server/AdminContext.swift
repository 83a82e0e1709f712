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
    /// By what it was let in.
    package var pass: Pass?
    /// What whoever sent it is called on pages.
    package var title: String?
    /// Where it came from, for what counts and notes it: the address without its port, as far as proxies can be believed.
    package var clientAddress: String
    /// Whether the way to whoever sent it is encrypted.
    package var isHTTPS = false
    /// Under which name a trusted proxy was asked for it, where it says so.
    package var forwardedHost: String?
    /// What the forms of its page carry; nil where it is no page.
    var visit: Visit?
    /// Under which name its actions are recorded.
    package var person: String = "unknown"

    /// The connection, for what must be able to close it.
    package let channel: any Channel

    /// Makes the context of a request on a connection.
    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
        clientAddress = remoteAddress?.ipAddress ?? "local"
    }

    /// The most bytes of a body that is read.
    package static let mostBytes = 64 << 10

    /// The same for what reads bodies by itself.
    package var maxUploadSize: Int { Self.mostBytes }
}
