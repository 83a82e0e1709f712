internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// The fields of a form.
///
/// The body is parsed in one pass, with a limit on bytes and fields: the sender may be unauthenticated.
struct FormBody: Sendable {
    /// The most bytes of a sign-in or sign-out form, and of any other form.
    static let mostToSignIn = 2 << 10, most = 64 << 10
    /// The most fields.
    static let mostFields = 32

    private let fields: [String: String]

    /// Parses the body of a request; throws 415 if it isn't a form, and 413 if it is too long.
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

    /// The fields of `a=1&b=2`; if a name is repeated, the last value counts.
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

    /// The text of a field, held as ``ByteText``; nil if the field is absent.
    subscript(_ name: String) -> String? { fields[name] }

    /// A whole number within a range; nil if the field is absent or empty.
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
