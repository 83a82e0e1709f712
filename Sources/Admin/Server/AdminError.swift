package import Curfew
package import HTTPTypes
package import Hummingbird

/// Why a request could not be answered: a status and a message for whoever sent it.
package struct AdminError: Error, HTTPResponseError {
    /// What the answer's first line says.
    package let status: HTTPResponse.Status
    /// What is wrong, and what was expected.
    package let message: String
    /// What else programs may want to read: the holder of a lease, for one.
    package let details: [String: String]
    /// More headers: when to try again, which methods are allowed.
    package let headers: HTTPFields

    /// Makes an error.
    package init(
        _ status: HTTPResponse.Status, _ message: String, details: [String: String] = [:], headers: HTTPFields = [:]
    ) {
        self.status = status
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// What an error of the engine is on HTTP.
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

    /// What the refusal of a claim is on HTTP.
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

    /// `success` is a boolean, the rest are texts.
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
