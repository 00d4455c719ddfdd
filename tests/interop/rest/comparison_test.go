package rest

import (
	"math/rand"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// deviations are the requests that grpc-gateway takes for something else, and why.
var deviations = map[string]string{
	"GET /v1/echo/3":    "it takes `*` for the name of an HTTP method",
	"BREW /v1/echo/3":   "it takes `*` for the name of an HTTP method",
	"DELETE /v1/echo/3": "it takes `*` for the name of an HTTP method",

	"GET /v1/shel%76es/%37":     "it compares literals with what is escaped",
	"GET " + pathValues[1].path: "it reads %2F in `{string_value=strprefix/*}`, which http.proto says is left unchanged",
	"GET /v1/everything?enum_value=MINUS&enum_list=1&enumList=ZERO": "it wants one spelling of a repeated field",
	"GET /v1/everything?int32_list=1&int32_list=-2&int32List=1":     "it wants one spelling of a repeated field",
}

// TestReference compares all that the other tests say requests mean with what grpc-gateway makes of them.
func TestReference(t *testing.T) {
	reference := theReference(t)
	all := slices.Concat(bindings, patches)
	for i := range all {
		all[i].method = "library.v1.Library/" + all[i].method
	}
	for _, c := range pathValues {
		all = append(all, meaning{"GET " + c.path, "", "everything.v1.EverythingService/Path", c.message})
	}
	for _, c := range queryValues {
		all = append(all, meaning{"GET /v1/everything?" + c.query, "", "everything.v1.EverythingService/Echo", c.message})
	}
	for _, c := range bodyValues {
		all = append(all, meaning{c.line, c.body, "everything.v1.EverythingService/Echo", c.message})
	}
	same := 0
	of := func(message proto.Message) any { return value(t, sortedMask(t, up.print(message))) }
	for _, c := range all {
		want := up.parse(up.method(c.method).Input(), c.message)
		got := reference.maps(c.line, c.body)
		_, deviates := deviations[c.line]
		switch {
		case got == nil:
			if !deviates {
				t.Errorf("%s: grpc-gateway has no rule for it", c.line)
			}
		case got.err != nil:
			if !deviates {
				t.Errorf("%s: grpc-gateway refuses it: %v", c.line, got.err)
			}
		case !reflect.DeepEqual(of(got.message), of(want)):
			if !deviates {
				t.Errorf("%s %s: grpc-gateway makes of it\n     %s\nnot %s", c.line, c.body, up.print(got.message), up.print(want))
			}
		case deviates:
			t.Errorf("%s: grpc-gateway agrees", c.line)
		default:
			same++
		}
	}
	t.Logf("%d of %d requests mean the same to grpc-gateway", same, len(all))
}

// outcome is the message that reached the upstream, or `refused`, or `none` if no method was called.
func outcome(t *testing.T, got *response) any {
	t.Helper()
	up.mutex.Lock()
	calls := up.calls[got.id]
	up.mutex.Unlock()
	for _, call := range calls {
		call.end(t)
		if len(call.requests) == 1 {
			return shown(t, call.method, call.requests[0])
		}
	}
	if got.StatusCode == 400 {
		return "refused"
	}
	return "none"
}

func shown(t *testing.T, method protoreflect.MethodDescriptor, message proto.Message) any {
	return []any{string(method.FullName()), value(t, sortedMask(t, up.print(message)))}
}

// outcome is the same of a request to the reference.
func (r *reference) outcome(t *testing.T, line, body string) any {
	switch mapped := r.maps(line, body); {
	case mapped == nil:
		return "none"
	case mapped.err != nil:
		return "refused"
	default:
		return shown(t, mapped.method, mapped.message)
	}
}

// texts are what queries may want to set fields to.
var texts = []string{
	"", "0", "1", "-1", " 1", "1 ", "01", "1.0", "1e2", "0x10", "2147483647", "2147483648", "-2147483649", "4294967295", "4294967296",
	"9223372036854775808", "18446744073709551616", "NaN", "Infinity", "-Infinity", "inf", "1e39", "1e400", ".5", "5.", "true", "false",
	"yes", "null", "ONE", "one", "MINUS", "77", "YQ==", "-_8", "+/8=", "Y Q", "2020-01-02T03:04:05Z", "2020-01-02t03:04:05z",
	"2020-01-02T03:04:05.123456789+01:30", "2020-02-30T00:00:00Z", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2020-01-02",
	"1s", "-1.5s", "315576000001s", "{}", "[]", `"x"`, `{"a":1}`, "[1]", "\x00", "é",
}

// TestReferenceValues sets every field to every text.
func TestReferenceValues(t *testing.T) {
	reference := theReference(t)
	fields := up.method("everything.v1.EverythingService/Echo").Input().Fields()
	accepted, refused := 0, 0
	for i := range fields.Len() {
		field := fields.Get(i)
		name := string(field.Name())
		if field.IsMap() {
			name += "[1]"
		}
		for _, text := range texts {
			line := "GET /v1/everything?" + url.QueryEscape(name) + "=" + url.QueryEscape(text)
			if name == "mask" || name == "duration" && text == "0" {
				// What it takes for masks Google's printer refuses, and it spells durations as Go does.
				continue
			}
			has := outcome(t, do(t, request{line: line}))
			if has == "refused" && (name == "bytes_value" || name == "wrapped_bytes") {
				// It takes base64 whose last letter has bits that no byte has.
				continue
			}
			if want := reference.outcome(t, line, ""); !reflect.DeepEqual(has, want) {
				t.Errorf("%s\n has %v\nwant %v", line, has, want)
			}
			if has == "refused" {
				refused++
			} else {
				accepted++
			}
		}
	}
	if accepted < 300 || refused < 300 {
		t.Errorf("only %d texts were accepted and %d refused", accepted, refused)
	}
}

// TestReferenceBodies has bodies at the edges of proto3's JSON, which Google's parser judges.
func TestReferenceBodies(t *testing.T) {
	method := up.method("everything.v1.EverythingService/Echo")
	for _, body := range []string{
		// Which fields there are, and how often.
		` {} `, "\ufeff{}", `{,}`, `{"a":1,}`, `null`, `[]`, `""`, `{"uuid":'x'}`, `{"[ext]":1}`, `{"nested":{"":1}}`, `{"uuid":null,"uuid":"x"}`,
		`{"uuid":"a","uuid":null}`, `{"int64_value":1,"int64Value":2}`, `{"oneofBool":true,"oneofString":""}`, `{"oneofNested":null,"oneofBool":false}`,
		`{"nonConventionalNameValue":"x"}`, `{"non_conventional_name_value":"x"}`, `{"uuid":"x"`, `{"uuid":"x"}}`,
		// Numbers.
		`{"int32Value":1.0}`, `{"int32Value":" 1"}`, `{"int32Value":"1.0"}`, `{"int32Value":1e0}`, `{"int32Value":""}`, `{"int32Value":-0.0}`,
		`{"int32Value":1e-1}`, `{"int32Value":0.1e1}`, `{"int32Value":01}`, `{"int32Value":+1}`, `{"int32Value":true}`, `{"int64Value":1e18}`,
		`{"uint64Value":-0}`, `{"uint64Value":18446744073709551615}`, `{"uint64Value":18446744073709551616}`, `{"doubleValue":"1.5"}`,
		`{"doubleValue":1e999}`, `{"floatValue":3.5e38}`, `{"floatValue":"nan"}`, `{"floatValue":NaN}`, `{"doubleValue":1e-400}`, `{"boolValue":"true"}`,
		`{"boolValue":1}`, `{"enumValue":1.0}`, `{"enumValue":"1"}`, `{"enumValue":"one"}`, `{"enumValue":2147483648}`,
		// Text.
		`{"uuid":"\ud83d\ude00"}`, "{\"uuid\":\"a\x00\"}", "{\"uuid\":\"\xff\"}", `{"uuid":"\x"}`, `{"uuid":"\udc00\ud800"}`, `{"bytesValue":"YQ=\n="}`,
		`{"bytesValue":"YQ"}`, `{"wrappedBytes":"_-8"}`, `{"bytesValue":[1]}`,
		// Lists, maps and messages.
		`{"nestedList":[null]}`, `{"stringList":null}`, `{"int32List":1}`, `{"int32List":[null]}`, `{"labels":{"a":null}}`, `{"labels":{"a":"1","a":"2"}}`,
		`{"labels":[]}`, `{"byNumber":{"x":"ONE"}}`, `{"byNumber":{"2147483648":"ONE"}}`, `{"nested":[]}`, `{"nested":"x"}`, `{"optionalString":null}`,
		// Types that have a JSON of their own.
		`{"timestamp":"2020-01-02T03:04:05+01:00"}`, `{"timestamp":"2020-01-02T24:00:00Z"}`, `{"timestamp":"2016-12-31T23:59:60Z"}`,
		`{"timestamp":"2020-01-02T03:04:05.1234567891Z"}`, `{"timestamp":"0000-12-31T23:59:59Z"}`, `{"timestamps":["x"]}`, `{"duration":"1"}`,
		`{"duration":"-0.000000001s"}`, `{"duration":"315576000001s"}`, `{"mask":"a.b,,c"}`, `{"mask":"foo_bar"}`, `{"mask":""}`, `{"mask":"fooBar.x"}`,
		`{"struct":{"a":1e999}}`, `{"struct":[]}`, `{"value":{"a":{"a":1}}}`, `{"value":null}`, `{"wrappedInt64":null}`, `{"wrappedInt64":{}}`,
		`{"wrappedInt64":"9223372036854775807"}`, `{"any":{}}`, `{"any":{"@type":""}}`, `{"any":{"@type":"library.v1.Book"}}`,
		`{"any":{"@type":"/library.v1.Book","id":1}}`, `{"any":{"id":1,"@type":"x/library.v1.Book"}}`, `{"any":{"@type":"x/library.v1.Book","id":"x"}}`,
		`{"any":{"@type":"x/google.protobuf.Duration"}}`, `{"any":{"@type":"x/google.protobuf.Duration","value":"1s","a":1}}`,
		`{"any":{"@type":"x/google.protobuf.Empty","value":{}}}`, `{"any":{"@type":"x/google.protobuf.Empty"}}`,
		`{"any":{"@type":"x/library.v1.Book","@type":"x/library.v1.Book"}}`, `{"any":null}`, `{"anys":[{"@type":"x/library.v1.Author"},{}]}`,
	} {
		has := outcome(t, do(t, request{line: "POST /v1/everything", body: body}))
		var want any = "refused"
		if message := proto.Message(dynamicpb.NewMessage(method.Input())); decode([]byte(body), message) == nil {
			want = shown(t, method, message)
		}
		if !reflect.DeepEqual(has, want) {
			t.Errorf("%q\n has %v\nwant %v", body, has, want)
		}
	}
}

// TestReferencePaths has paths put together of what the templates know and what they do not.
func TestReferencePaths(t *testing.T) {
	reference := theReference(t)
	parts := []string{
		"v1", "shelves", "1", "books", "a:b", "anywhere", "a%2Fb", "titles", "2:borrow", "books:import", "x", "raw", "2:byName", "everything",
		"everything:custom", "path", "bytes", "cover", "7:custom", "scan", ":", ":x", "x:", "%3A",
	}
	likely := []string{
		"/v1/shelves/1/books/2", "/v1/shelves/1", "/v1/anywhere/a/b", "/v1/everything/x:custom", "/v1/shelves/1/books/2/cover",
		"/v1/shelves/1/books/2:byName", "/v1/books/1", "/v1/deep/a/b", "/v1/shelves/1/titles",
	}
	random := rand.New(rand.NewSource(1))
	calls := 0
	for range 4000 {
		var path string
		if random.Intn(3) == 0 {
			for range 1 + random.Intn(5) {
				path += "/" + parts[random.Intn(len(parts))]
			}
		} else {
			segments := strings.Split(likely[random.Intn(len(likely))], "/")
			segments[1+random.Intn(len(segments)-1)] = parts[random.Intn(len(parts))]
			path = strings.Join(segments, "/")
		}
		verb := []string{"GET", "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}[random.Intn(7)]
		if verb == "PUT" && strings.HasSuffix(path, "/cover") || verb == "PATCH" {
			// It makes no empty bytes of no body, and an empty mask.
			continue
		}
		if strings.HasSuffix(path, ":byName") && strings.Contains(path, "%2F") {
			// It reads %2F in `{name=shelves/*/books/*}`.
			continue
		}
		line := verb + " " + path
		has, want := outcome(t, do(t, request{line: line})), reference.outcome(t, line, "")
		if !reflect.DeepEqual(has, want) {
			t.Errorf("%s\n has %v\nwant %v", line, has, want)
		}
		if has != "none" {
			calls++
		}
	}
	if calls < 250 {
		t.Errorf("only %d paths were calls", calls)
	}
}
