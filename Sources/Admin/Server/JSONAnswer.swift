internal import Foundation
package import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import RedisClient

/// JSON answers: one line, sorted keys.
package enum JSONAnswer {
    /// An answer with a value.
    package static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var buffer = ByteBuffer(bytes: ByteText.readable(try encoder.encode(value)))
        buffer.writeString("\n")
        return Response(
            status: status,
            headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: buffer))
    }
}
