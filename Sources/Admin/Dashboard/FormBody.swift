internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// The fields of a form.
///
/// It is read in one pass over its bytes, up to a number of bytes and of fields: whoever may send one needn't be known.
struct FormBody: Sendable {
    /// The most bytes of a form to sign in or out with, and of any other.
    static let mostToSignIn = 2 << 10, most = 64 << 10
    /// The most fields.
    static let mostFields = 32

    private let fields: [String: String]

    /// Reads them from a request's body; throws 415 where that is no form, and 413 where it is too long.
    init(_ request: Request, upTo limit: Int = most) async throws {
        guard let type = request.headers[.contentType], type.hasPrefix("application/x-www-form-urlencoded") else {
            throw AdminError(.unsupportedMediaType, "expected a form: application/x-www-form-urlencoded")
        }
        let tooLong = AdminError(.contentTooLarge, "the form is too long: expected at most \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLong }
        do {
            fields = try Self.fields(of: try await request.body.collect(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLong
        }
    }

    /// The fields of `a=1&b=2`; of two with the same name the last.
    private static func fields(of bytes: some Collection<UInt8>) throws(AdminError) -> [String: String] {
        var fields: [String: String] = [:]
        var (number, name, text) = (0, String?.none, [UInt8]())
        func end() throws(AdminError) {
            defer { (name, text) = (nil, []) }
            guard name != nil || !text.isEmpty else { return }
            number += 1
            guard number <= mostFields else {
                throw AdminError(.badRequest, "the form has too many fields: expected at most \(mostFields)")
            }
            let value = PercentText.decoded(text, isForm: true)
            if let name { fields[name] = value } else { fields[value] = "" }
        }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "&"): try end()
            case UInt8(ascii: "=") where name == nil: (name, text) = (PercentText.decoded(text, isForm: true), [])
            default: text.append(byte)
            }
        }
        try end()
        return fields
    }

    /// The text of a field, held as `ByteText` says; nil where it isn't there.
    subscript(_ name: String) -> String? { fields[name] }

    /// A whole number within a range; nil where the field is absent or empty.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
        guard let text = fields[name]?.trimmingCharacters(in: .whitespaces), !text.isEmpty else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw AdminError(
                .badRequest,
                "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound), found “\(text)”")
        }
        return number
    }
}
