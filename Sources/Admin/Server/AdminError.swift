package import Curfew
package import HTTPTypes
package import Hummingbird

/// An error answer: a status and a message for the caller.
package struct AdminError: Error, HTTPResponseError {
    /// The status of the answer.
    package let status: HTTPResponse.Status
    /// What was found and what was expected.
    package let message: String
    /// Further members for programs, for example the holder of a lease.
    package let details: [String: String]
    /// Further headers: when to retry, which methods are allowed.
    package let headers: HTTPFields

    /// Creates an error.
    package init(
        _ status: HTTPResponse.Status, _ message: String, details: [String: String] = [:], headers: HTTPFields = [:]
    ) {
        self.status = status
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// The HTTP answer for an error of the engine.
    package init(_ error: CurfewError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .usage: .badRequest
            case .unreachable: .serviceUnavailable
            case .held, .paused: .conflict
            default: .internalServerError
            }
        let headers: HTTPFields = status == .serviceUnavailable ? [.retryAfter: "5"] : [:]
        self.init(status, error.message, headers: headers)
    }

    /// The HTTP answer for a refused claim.
    init(_ refusal: ClaimRefusal) {
        let details =
            switch refusal {
            case .held(let cleanup, let holder, let run, let end):
                ["cleanup": cleanup, "holder": holder, "run": run, "until": end.iso8601]
            case .paused(let cleanup, let pause):
                ["cleanup": cleanup, "pausedBy": pause.by, "pausedAt": pause.at, "why": pause.why]
            }
        self.init(.conflict, refusal.description, details: details)
    }

    /// The answer: JSON with `success`, `message` and the details.
    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var members = details
        members["message"] = message
        var response = try JSONAnswer.response(Body(members: members), status: status)
        response.headers.append(contentsOf: headers)
        return response
    }

    /// `success` is a boolean, the other members are strings.
    private struct Body: Encodable {
        let members: [String: String]

        struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(false, forKey: Key(stringValue: "success"))
            for (name, value) in members { try container.encode(value, forKey: Key(stringValue: name)) }
        }
    }
}
