internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

extension Dashboard {
    /// A page as an answer, for whoever asked for it.
    func answer(_ request: Request, _ context: AdminContext, _ page: (Page.Viewer) -> String) -> Response {
        PageAnswer.response(page(PageAnswer.viewer(request, context.role, access)), hasNotice: Notice(request) != nil)
    }

    /// An answer that sends the browser to another page.
    static func redirect(to address: String, cookies: [String] = []) -> Response {
        var headers: HTTPFields = [.location: address, .cacheControl: "no-store"]
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    /// The id of a stream's entry that a request names; throws 400 where it is none.
    static func streamID(_ text: String?) throws(AdminError) -> String? {
        guard let text else { return nil }
        guard text.wholeMatch(of: /[0-9]{1,19}-[0-9]{1,19}/) != nil else {
            throw AdminError(.badRequest, "before: expected what the link of an earlier page says, found “\(text)”")
        }
        return text
    }
}

/// Pages as answers.
enum PageAnswer {
    /// What browsers may do with a page: take its style, its script and its pictures from here, and nothing from elsewhere.
    static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    /// Who looks at the page that a request asks for.
    static func viewer(_ request: Request, _ role: Role?, _ access: Access) -> Page.Viewer {
        let settings = access.settings
        return Page.Viewer(
            role: role, isSignedIn: role != nil && settings.adminToken != nil,
            formToken: FormToken(settings).text(for: request), notice: Notice(request))
    }

    /// The answer.
    static func response(
        _ html: String, status: HTTPResponse.Status = .ok, hasNotice: Bool = false, headers extra: HTTPFields = [:]
    ) -> Response {
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .contentSecurityPolicy: policy,
        ]
        if let referrer = HTTPField.Name("Referrer-Policy") { headers[referrer] = "same-origin" }
        headers.append(contentsOf: extra)
        if hasNotice { headers.append(HTTPField(name: .setCookie, value: Notice.ending)) }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
}

/// The fields of a form.
struct FormBody: Sendable {
    private let fields: [String: String]

    /// Reads them from a request's body; throws 415 where that is no form.
    init(_ request: Request) async throws {
        guard let type = request.headers[.contentType], type.hasPrefix("application/x-www-form-urlencoded") else {
            throw AdminError(.unsupportedMediaType, "expected a form: application/x-www-form-urlencoded")
        }
        let buffer = try await request.body.collect(upTo: AdminContext.mostBytes)
        let text = ByteText.held(buffer.readableBytesView)
        fields = Dictionary(PercentText.pairs(text, isForm: true).map { ($0.name, $0.value) }) { _, last in last }
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
