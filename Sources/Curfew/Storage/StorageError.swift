/// Why object storage didn't do what it was asked for.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    package struct Code: Sendable, Hashable {
        private enum Value { case unreachable, busy, refused, damaged }
        private let value: Value
        /// No connection, or none that lasted until the answer was there.
        package static let unreachable = Code(value: .unreachable)
        /// The server can't right now, and says so.
        package static let busy = Code(value: .busy)
        /// The server won't: wrong key, missing bucket, no right.
        package static let refused = Code(value: .refused)
        /// The answer isn't one of an S3 server's.
        package static let damaged = Code(value: .damaged)
    }

    /// The kind.
    package let code: Code
    /// What happened, and what to do about it.
    package let message: String
    /// How long the server wants to be left alone; nil where it doesn't say.
    let pause: Duration?

    /// The status of the answer; nil where there was none, or it was no failure.
    let status: Int?
    /// What the server said; nil where it said nothing.
    let failure: S3Failure?

    /// Makes an error.
    init(_ code: Code, _ message: String, pause: Duration? = nil, status: Int? = nil, failure: S3Failure? = nil) {
        self.code = code
        self.message = message
        self.pause = pause
        self.status = status
        self.failure = failure
    }

    /// Whether it may be gone when the same request is sent again.
    var isPassing: Bool { code == .unreachable || code == .busy }

    /// The message.
    package var description: String { message }
}

/// What a server says in place of what was asked for: a code, and a sentence that may be empty.
struct S3Failure: Sendable, Equatable {
    var code: String
    var message: String
    /// What the key needs the right to, where that is what is missing.
    var right = "delete objects in the bucket"

    /// Takes an `Error` element, or an entry of a `DeleteResult` that is one.
    init(_ element: XMLElement) {
        code = element["Code"]?.text ?? ""
        message = element["Message"]?.text ?? ""
    }

    /// The codes of a server that can't right now.
    private static let passing: Set = [
        "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "TooManyRequests",
        "OperationAborted",
    ]

    /// Whether the same request may succeed later.
    var isPassing: Bool { Self.passing.contains(code) }

    /// Whether the object isn't there, which is what was wanted.
    var isGone: Bool { code == "NoSuchKey" }

    /// Code, sentence and advice.
    var text: String {
        // Only the beginning: the rest of a sentence of somebody else's could be of any length.
        let sentence = message.isEmpty ? "" : ": \(message.prefix(200))"
        return "\(code)\(sentence)\(advice.map { " (\($0))" } ?? "")"
    }

    /// What a person can do about it.
    private var advice: String? {
        switch code {
        case "InvalidAccessKeyId": "check access-key"
        case "SignatureDoesNotMatch": "check secret-key, and region"
        case "AuthorizationHeaderMalformed", "PermanentRedirect": "check region and endpoint"
        case "ExpiredToken", "InvalidToken": "check session-token, and whether it has expired"
        case "AccessDenied", "AllAccessDisabled": "this key needs the right to \(right)"
        case "NoSuchBucket", "InvalidBucketName": "check bucket and endpoint"
        case "RequestTimeTooSkewed": "the clock of Redis, or of this machine, is wrong: set it, or run a time service"
        default: nil
        }
    }
}
