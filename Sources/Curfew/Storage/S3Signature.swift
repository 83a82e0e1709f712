internal import Crypto
internal import Foundation
internal import Policies
internal import RedisClient

/// Signature Version 4 of AWS, in the form of an `Authorization` header.
///
///     key        = HMAC chain over secret, day, region, "s3", "aws4_request"
///     canonical  = method, path, query, headers, names of the headers, SHA-256 of the body
///     signature  = HMAC(key, "AWS4-HMAC-SHA256", time, scope, SHA-256 of canonical)
///
/// The body is always hashed: with `UNSIGNED-PAYLOAD`, the list of objects to delete could be changed in transit.
struct S3Signature: Sendable {
    let accessKey: String
    let secretKey: Secret
    let sessionToken: Secret?
    let region: String

    private static let algorithm = "AWS4-HMAC-SHA256"

    /// Signs a request: adds host, time, hash of the body, session token and signature.
    func sign(_ request: inout S3Request, host: String, at time: Timestamp) {
        let moment = Self.moment(time)
        request.headers += [
            ("host", host), ("x-amz-content-sha256", Self.hash(request.body)), ("x-amz-date", moment),
        ]
        if let sessionToken { request.headers.append(("x-amz-security-token", sessionToken.revealed)) }
        request.headers.sort { $0.name < $1.name }
        let day = String(moment.prefix(8))
        let scope = "\(day)/\(region)/s3/aws4_request"
        let names = request.headers.map(\.name).joined(separator: ";")
        let text = [Self.algorithm, moment, scope, Self.hash(Array(canonical(request, names).utf8))]
        let signature = hmac(text.joined(separator: "\n"), with: signingKey(day)).hexadecimal
        let credential = "\(accessKey)/\(scope)"
        let value = "\(Self.algorithm) Credential=\(credential),SignedHeaders=\(names),Signature=\(signature)"
        request.headers.append(("authorization", value))
    }

    private func canonical(_ request: S3Request, _ names: String) -> String {
        let headers = request.headers.map { "\($0.name):\(Self.trimmed($0.value))\n" }.joined()
        let path = request.path.isEmpty ? "/" : request.path
        return [request.method, path, request.queryText, headers, names, Self.hash(request.body)].joined(
            separator: "\n")
    }

    private func signingKey(_ day: String) -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(secretKey.revealed)".utf8))
        for part in [day, region, "s3", "aws4_request"] { key = SymmetricKey(data: hmac(part, with: key)) }
        return key
    }

    private func hmac(_ text: String, with key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    /// Multiple spaces count as one.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ").joined(separator: " ")
    }

    /// `20130524T000000Z`.
    private static func moment(_ time: Timestamp) -> String {
        time.iso8601.prefix(19).replacing("-", with: "").replacing(":", with: "") + "Z"
    }

    /// The SHA-256 in hexadecimal.
    static func hash(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hexadecimal }

    /// The MD5 in base 64, which strict servers require for deletions.
    static func contentMD5(_ bytes: [UInt8]) -> String {
        Data(Insecure.MD5.hash(data: bytes)).base64EncodedString()
    }
}
