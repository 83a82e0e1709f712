internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// A file that pages need beside their markup, kept in the binary.
struct Asset: Sendable {
    /// Its name in addresses.
    let name: String
    /// What it is.
    let type: String
    private let bytes: [UInt8]
    /// A short name of its content: a changed file has another address, so that browsers may keep what they have.
    let hash: String

    private init(_ name: String, _ type: String, _ bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.bytes = bytes
        hash = SHA256.hash(data: Data(bytes)).prefix(8).hexadecimal
    }

    /// How the pages look.
    static let style = Asset("dashboard.css", "text/css; charset=utf-8", PackageResources.dashboard_css)
    /// What keeps them up to date.
    static let script = Asset("dashboard.js", "text/javascript; charset=utf-8", PackageResources.dashboard_js)
    /// The picture in a browser's tab.
    static let icon = Asset("icon.svg", "image/svg+xml", PackageResources.icon_svg)
    /// All of them.
    static let all = [style, script, icon]

    /// Where it is: the name alone would do, the hash is for browsers that keep files.
    var address: String { "/assets/\(name)?v=\(hash)" }

    /// The file, or that the browser has it already.
    ///
    /// Another version's hash, as while instances are replaced one by one, gets this version's file, not to be kept.
    func response(to request: Request) -> Response {
        let isCurrent = request.uri.queryParameters["v"].map(String.init) == hash
        var headers: HTTPFields = [
            .eTag: "\"\(hash)\"", .cacheControl: isCurrent ? "public, max-age=31536000, immutable" : "no-cache",
        ]
        guard request.headers[.ifNoneMatch] != "\"\(hash)\"" else {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = type
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
