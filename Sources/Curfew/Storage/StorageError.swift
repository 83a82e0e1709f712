/// Why a storage request failed.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package struct Code: Sendable, Hashable {
        private enum Value { case unreachable, busy, refused, damaged }
        private let value: Value
        /// There was no connection, or it ended before the answer was complete.
        package static let unreachable = Code(value: .unreachable)
        /// The server is temporarily unable to answer, and says so.
        package static let busy = Code(value: .busy)
        /// The server refuses: wrong key, missing bucket, missing permission.
        package static let refused = Code(value: .refused)
        /// The answer isn't one of an S3 server.
        package static let damaged = Code(value: .damaged)
    }

    /// The kind.
    package let code: Code
    /// What happened and what to do about it.
    package let message: String
    /// The delay that the server requests; nil if it requests none.
    let pause: Duration?

    /// The status of the answer; nil without an answer, or if it wasn't an error.
    let status: Int?
    /// The error in the answer; nil if there is none.
    let failure: S3Failure?

    /// Creates an error.
    init(_ code: Code, _ message: String, pause: Duration? = nil, status: Int? = nil, failure: S3Failure? = nil) {
        self.code = code
        self.message = message
        self.pause = pause
        self.status = status
        self.failure = failure
    }

    /// Whether the same request may succeed later.
    var isPassing: Bool { code == .unreachable || code == .busy }

    /// The message.
    package var description: String { message }
}

/// An error of the server: a code, and a message that may be empty.
struct S3Failure: Sendable, Equatable {
    var code: String
    var message: String
    /// The permission that the key needs, if it is missing.
    var right = "delete objects in the bucket"

    /// Parses an `Error` element, or an error entry of a `DeleteResult`.
    init(_ element: XMLElement) {
        code = element["Code"]?.text ?? ""
        message = element["Message"]?.text ?? ""
    }

    /// The codes of temporary errors.
    private static let passing: Set = [
        "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "TooManyRequests",
        "OperationAborted",
    ]

    /// Whether the same request may succeed later.
    var isPassing: Bool { Self.passing.contains(code) }

    /// Whether the object doesn't exist, which is the intended result.
    var isGone: Bool { code == "NoSuchKey" }

    /// The code, the message and the advice.
    var text: String {
        // Only the beginning: the message comes from the server and may be long.
        let sentence = message.isEmpty ? "" : ": \(message.prefix(200))"
        return "\(code)\(sentence)\(advice.map { " (\($0))" } ?? "")"
    }

    /// What a person can do about it.
    private var advice: String? {
        switch code {
        case "InvalidAccessKeyId": "check access-key"
        case "SignatureDoesNotMatch": "check secret-key and region"
        case "AuthorizationHeaderMalformed", "PermanentRedirect": "check region and endpoint"
        case "ExpiredToken", "InvalidToken": "check session-token, and whether it has expired"
        case "AccessDenied", "AllAccessDisabled": "this key needs the right to \(right)"
        case "NoSuchBucket", "InvalidBucketName": "check bucket and endpoint"
        case "RequestTimeTooSkewed": "the clock of Redis or of the storage server is wrong: synchronize it (NTP)"
        default: nil
        }
    }
}
