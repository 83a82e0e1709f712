internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// A file that pages use, embedded in the binary.
struct Asset: Sendable {
    /// Its name in URLs.
    let name: String
    /// Its content type.
    let type: String
    private let bytes: [UInt8]
    /// A short hash of its content.
    ///
    /// A changed file has a new URL, so browsers may cache it.
    let hash: String

    private init(_ name: String, _ type: String, _ bytes: [UInt8]) {
        self.name = name
        self.type = type
        self.bytes = bytes
        hash = SHA256.hash(data: Data(bytes)).prefix(8).hexadecimal
    }

    /// The style sheet.
    static let style = Asset("dashboard.css", "text/css; charset=utf-8", PackageResources.dashboard_css)
    /// The script that keeps pages up to date.
    static let script = Asset("dashboard.js", "text/javascript; charset=utf-8", PackageResources.dashboard_js)
    /// The icon of the browser tab.
    static let icon = Asset("icon.svg", "image/svg+xml", PackageResources.icon_svg)
    /// All files.
    static let all = [style, script, icon]

    /// The path; the hash is there for browser caches.
    var address: String { "/assets/\(name)?v=\(hash)" }

    /// The file, or 304 if the browser has it.
    ///
    /// A hash of another version, possible during a rolling update, gets this version's file, which must not be cached.
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
