package rest

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

// echoes checks that a request is this message, and that the response, which is the same message, is the JSON that
// Google's printer makes of it.
func echoes(t *testing.T, r request, method, message string) {
	t.Helper()
	got := do(t, r)
	got.received(t, "everything.v1.EverythingService."+method, message)
	got.succeeded(t, up.print(up.parse(up.method("everything.v1.EverythingService/"+method).Output(), message)))
}

// pathValues has every type that a path can hold.
var pathValues = []struct{ path, message string }{
	{"/v1/path/1.5/-2e3/-9007199254740993/18446744073709551615/-1/2/3/true/strprefix/x/4/-5/-6/-7/-8/n%C3%A9/ONE",
		`{"floatValue":1.5,"doubleValue":-2000,"int64Value":"-9007199254740993","uint64Value":"18446744073709551615",
			"int32Value":-1,"fixed64Value":"2","fixed32Value":3,"boolValue":true,"stringValue":"strprefix/x","uint32Value":4,
			"sfixed32Value":-5,"sfixed64Value":"-6","sint32Value":-7,"sint64Value":"-8","nonConventionalNameValue":"né",
			"enumValue":"ONE"}`},
	{"/v1/path/NaN/-Infinity/-9223372036854775808/0/-2147483648/18446744073709551615/4294967295/false/strprefix/a%2Fb/" +
		"4294967295/2147483647/9223372036854775807/-2147483648/-9223372036854775808/-/-1",
		`{"floatValue":"NaN","doubleValue":"-Infinity","int64Value":"-9223372036854775808","int32Value":-2147483648,
			"fixed64Value":"18446744073709551615","fixed32Value":4294967295,"stringValue":"strprefix/a%2Fb",
			"uint32Value":4294967295,"sfixed32Value":2147483647,"sfixed64Value":"9223372036854775807",
			"sint32Value":-2147483648,"sint64Value":"-9223372036854775808","nonConventionalNameValue":"-","enumValue":"MINUS"}`},
	{"/v1/bytes/-_-_", `{"bytesValue":"+/+/"}`},
	{"/v1/bytes/%2B%2F8%3D", `{"bytesValue":"+/8="}`},
	{"/v1/at/2020-01-02T03:04:05.5Z/for/-1.5s/false/0",
		`{"timestamp":"2020-01-02T03:04:05.500Z","duration":"-1.500s","wrappedBool":false,"wrappedInt64":"0"}`},
	{"/v1/oneof/x", `{"oneofString":"x"}`},
	{"/v1/wrapped/a%2Fb", `{"wrappedString":"a/b"}`},
	{"/v1/deep/a/b", `{"nested":{"name":"a","inner":{"name":"b"}}}`},
}

func TestPathValues(t *testing.T) {
	for _, c := range pathValues {
		t.Run(c.path, func(t *testing.T) { echoes(t, request{line: "GET " + c.path}, "Path", c.message) })
	}
}

// queryValues has every type that a query can hold, and the message that it is.
var queryValues = []struct{ query, message string }{
	{"", `{}`},
	{"float_value=-Infinity&doubleValue=NaN", `{"floatValue":"-Infinity","doubleValue":"NaN"}`},
	{"double_value=1e-7&float_value=0.1", `{"doubleValue":1e-7,"floatValue":0.1}`},
	{"int64_value=-9223372036854775808&uint64Value=18446744073709551615",
		`{"int64Value":"-9223372036854775808","uint64Value":"18446744073709551615"}`},
	{"int32_value=-2147483648&uint32_value=4294967295&fixed32_value=1&fixed64_value=2&sfixed32_value=-3&sfixed64_value=-4" +
		"&sint32_value=-5&sint64_value=-6",
		`{"int32Value":-2147483648,"uint32Value":4294967295,"fixed32Value":1,"fixed64Value":"2","sfixed32Value":-3,
		"sfixed64Value":"-4","sint32Value":-5,"sint64Value":"-6"}`},
	{"enum_value=MINUS&enum_list=1&enumList=ZERO", `{"enumValue":"MINUS","enumList":["ONE","ZERO"]}`},
	{"bool_value=1&wrapped_bool=0", `{"boolValue":true,"wrappedBool":false}`},
	{"bytes_value=YQ%3D%3D&wrapped_bytes=-_8%3D", `{"bytesValue":"YQ==","wrappedBytes":"+/8="}`},
	{"int32_list=1&int32_list=-2&int32List=1", `{"int32List":[1,-2,1]}`},
	{"string_list=a%26b&string_list=c%3Dd&string_list=+%2B", `{"stringList":["a&b","c=d"," +"]}`},
	{"labels[a]=1&labels%5Bb%5D=2", `{"labels":{"a":"1","b":"2"}}`},
	{"by_number[-3]=ONE", `{"byNumber":{"-3":"ONE"}}`},
	{"optional_string=", `{"optionalString":""}`},
	{"oneof_bool=false", `{"oneofBool":false}`},
	{"oneof_nested.amount=3&oneof_nested.name=n", `{"oneofNested":{"amount":3,"name":"n"}}`},
	{"nested.inner.inner.numeric=ONE&nested.name=n", `{"nested":{"name":"n","inner":{"inner":{"numeric":"ONE"}}}}`},
	{"timestamp=2020-01-02T03:04:05.000000006Z&duration=0.5s&timestamps=1970-01-01T00:00:01Z",
		`{"timestamp":"2020-01-02T03:04:05.000000006Z","duration":"0.500s","timestamps":["1970-01-01T00:00:01Z"]}`},
	{"mask=uuid,nested.name", `{"mask":"uuid,nested.name"}`},
	{"struct=%7B%22a%22:[1,null]%7D&value=true", `{"struct":{"a":[1,null]},"value":true}`},
	{"wrapped_double=1.5&wrapped_float=2&wrapped_int64=-3&wrapped_uint64=3&wrapped_int32=-4&wrapped_uint32=5&wrapped_string=",
		`{"wrappedDouble":1.5,"wrappedFloat":2,"wrappedInt64":"-3","wrappedUint64":"3","wrappedInt32":-4,"wrappedUint32":5,
		"wrappedString":""}`},
	{"nonConventionalNameValue=x&uuid=%E2%98%BA", `{"nonConventionalNameValue":"x","uuid":"☺"}`},
}

func TestQueryValues(t *testing.T) {
	for _, c := range queryValues {
		t.Run(c.query, func(t *testing.T) { echoes(t, request{line: "GET /v1/everything?" + c.query}, "Echo", c.message) })
	}
}

// everything has a value in every field.
const everything = `{"uuid":"\u0000\"\\/é☺","nested":{"name":"a","amount":7,"numeric":"ONE","inner":{"name":"b"}},
	"nestedList":[{"name":"x"},{}],"floatValue":1.25,"doubleValue":1e300,"int64Value":"-1","uint64Value":"1","int32Value":-1,
	"fixed64Value":"1","fixed32Value":1,"boolValue":true,"stringValue":"s","bytesValue":"+/8=","uint32Value":1,
	"enumValue":"MINUS","sfixed32Value":-1,"sfixed64Value":"-1","sint32Value":-1,"sint64Value":"-1",
	"nonConventionalNameValue":"n","stringList":["",""],"int32List":[0,1],"enumList":["ZERO","ONE"],"labels":{"a":"","":"b"},
	"byNumber":{"-1":"ONE","0":"ZERO"},"nestedByName":{"x":{"inner":{}}},"oneofNested":{"name":"o"},"optionalString":"",
	"timestamp":"0001-01-01T00:00:00Z","duration":"-315576000000.999999999s","mask":"uuid,nested.name",
	"struct":{"a":{"b":[1,"x",null,true]}},"value":[null],"wrappedDouble":0,"wrappedFloat":"NaN","wrappedInt64":"0",
	"wrappedUint64":"0","wrappedInt32":0,"wrappedUint32":0,"wrappedBool":false,"wrappedString":"","wrappedBytes":"",
	"timestamps":["9999-12-31T23:59:59.999999999Z"]}`

// anys has what an Any can hold: a type of the descriptors, of Google's, one with a JSON of its own, and another Any.
const anys = `{"any":{"@type":"type.googleapis.com/library.v1.Missing","name":"x"},"anys":[
			{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"},
			{"@type":"type.googleapis.com/google.protobuf.Struct","value":{"a":[1]}},
			{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":"7"},
			{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","metadata":{"a":"b"}},
			{"@type":"type.googleapis.com/google.protobuf.Any","value":
				{"@type":"type.googleapis.com/everything.v1.Everything","any":{"@type":"example.com/x/library.v1.Book","id":"1"}}}]}`

// TestAnyOfNobody has a type that the gateway cannot know.
func TestAnyOfNobody(t *testing.T) {
	do(t, request{line: "POST /v1/everything", body: `{"any":{"@type":"type.googleapis.com/no.Such","a":1}}`}).refused(t, 400, 3, "any")
	got := do(t, request{line: "GET /v1/everything", answer: func(c *call) error {
		if err := c.receiveAll(); err != nil {
			return err
		}
		response := dynamicpb.NewMessage(c.method.Output())
		unknown := &anypb.Any{TypeUrl: "type.googleapis.com/no.Such", Value: []byte{8, 1}}
		response.Set(c.method.Output().Fields().ByName("any"), protoreflect.ValueOfMessage(unknown.ProtoReflect()))
		return c.SendMsg(response)
	}})
	// As Google's printer says.
	got.failed(t, 500, 13, "no.Such")
}

// bodyValues has every type in a body, spelled in the ways that proto3's JSON allows.
var bodyValues = []struct{ line, body, message string }{
	{"POST /v1/everything", everything, everything},
	{"POST /v1/everything", `{"float_value":"1.5","int64Value":5,"int32Value":"-7","uint64Value":"1e2","bytesValue":"-_8","enumValue":-1,
			"wrappedInt64":5,"boolValue":null,"value":null,"nested_list":[],"duration":"3s"}`,
		`{"floatValue":1.5,"int64Value":"5","int32Value":-7,"uint64Value":"100","bytesValue":"+/8=","enumValue":"MINUS",
			"wrappedInt64":"5","value":null,"duration":"3s"}`},
	{"POST /v1/everything", anys, anys},
	// Numbers of enums that have no name stay.
	{"POST /v1/everything", `{"enumValue":77,"enumList":[1,-5]}`, `{"enumValue":77,"enumList":["ONE",-5]}`},
	// Fields that nobody knows are left out, and so are names of enums.
	{"POST /v1/everything", `{"uuid":"a","whoKnows":{"a":[1]},"enumValue":"TWO","enumList":["ONE","TWO"]}`,
		`{"uuid":"a","enumList":["ONE"]}`},
	{"POST /v1/everything/a%2Fb:custom", `{"uuid":"c","stringValue":"s"}`, `{"uuid":"a/b","stringValue":"s"}`},
	{"PUT /v1/everything/nested?uuid=u", `{"inner":{"amount":1}}`, `{"uuid":"u","nested":{"inner":{"amount":1}}}`},
}

func TestBodyValues(t *testing.T) {
	for _, c := range bodyValues {
		t.Run(c.line+c.body, func(t *testing.T) { echoes(t, request{line: c.line, body: c.body}, "Echo", c.message) })
	}
}

// TestFieldBodies has bodies of both directions that are one field, of each shape.
func TestFieldBodies(t *testing.T) {
	for _, c := range []struct{ path, body, message, response string }{
		{"numbers?uuid=u", `[1, -2]`, `{"uuid":"u","int32List":[1,-2]}`, `[1,-2]`},
		{"numbers", `[]`, `{}`, `[]`},
		{"labels", `{"a":"b","":""}`, `{"labels":{"a":"b","":""}}`, `{"a":"b","":""}`},
		{"labels", ``, `{}`, `{}`},
		{"text", `"é\n"`, `{"stringValue":"é\n"}`, `"é\n"`},
		{"text", `""`, `{}`, `""`},
		{"time", `"2020-01-02T03:04:05Z"`, `{"timestamp":"2020-01-02T03:04:05Z"}`, `"2020-01-02T03:04:05Z"`},
		// A message that is not there is null.
		{"time", ``, `{}`, `null`},
	} {
		t.Run(c.path+c.body, func(t *testing.T) {
			got := do(t, request{line: "PUT /v1/everything/" + c.path, body: c.body})
			got.received(t, "everything.v1.EverythingService.Echo", c.message)
			got.succeeded(t, c.response)
		})
	}
	got := do(t, request{line: "GET /v1/shelves/1/titles", answer: respond(`{"titles":["a","b"]}`)})
	got.succeeded(t, `["a","b"]`)
	do(t, request{line: "GET /v1/shelves/1/titles"}).succeeded(t, `[]`)
}

// TestOptions has what can be set of how JSON is read and written.
func TestOptions(t *testing.T) {
	strict, err := startGateway(strictConfig, up.address, "")
	if err != nil {
		t.Fatal(err)
	}
	defer strict.stop()
	over := transport{"h1", "http", 1, h1.client, strict}
	got := do(t, request{over: &over, line: "PUT /v1/shelves/1/books/2", body: `{}`, answer: respond(`{"author":{"lname":"L"}}`)})
	got.succeeded(t, `{"id":0,"author":{"id":0,"first_name":"","last_name":"L"},"title":"","quotes":[],"ratings":{}}`)

	got = do(t, request{over: &over, line: "GET /v1/everything?enum_list=MINUS"})
	for _, part := range []string{`"enum_list":[-1]`, `"enum_value":0`, `"optional_string"`} {
		if strings.Contains(got.body, part) != (part != `"optional_string"`) {
			t.Errorf("%s: %s", part, got.body)
		}
	}
	echo := up.method("everything.v1.EverythingService/Echo").Output()
	if back := up.parse(echo, got.body); !proto.Equal(back, up.parse(echo, `{"enumList":[-1]}`)) {
		t.Errorf("Google's parser reads %s", up.print(back))
	}

	got = do(t, request{over: &over, line: "PUT /v1/books/1", body: `{"author":{"nope":1}}`})
	got.refused(t, 400, 3, "nope")
	got = do(t, request{over: &over, line: "POST /v1/everything", body: `{"enumList":["ONE","TWO"]}`})
	got.refused(t, 400, 3, "enum_list[1]")
}

// TestRefusals has requests that no message can be made of, and the words that say why.
func TestRefusals(t *testing.T) {
	deep := strings.Repeat(`{"inner":`, 200) + "{}" + strings.Repeat("}", 200)
	for _, c := range []struct{ line, body, words string }{
		// Paths.
		{"GET /v1/shelves/x", "", "`shelf`: `x` is no int64"},
		{"GET /v1/shelves/9223372036854775808", "", "`shelf`: "},
		{"GET /v1/shelves/1.0", "", "`shelf`: "},
		{"GET /v1/shelves/%31%20", "", "`shelf`: "},
		{"PUT /v1/shelves/1/books/b", "{}", "`book.id`: `b` is no int64"},
		{"GET /v1/bytes/a", "", "`bytes_value`: "},
		{"GET /v1/at/now/for/1s/true/1", "", "`timestamp`: "},
		// Queries.
		{"GET /v1/shelves/1?nope=1", "", "unknown parameter `nope`"},
		{"GET /v1/shelves/1?shelf=2", "", "`shelf` is set by the path"},
		{"POST /v1/shelves?shelf.id=2", "{}", "`shelf.id` is set by the body"},
		{"PUT /v1/books/1?title=x", "{}", "`title`"},
		{"GET /v1/shelves/1/titles?limit=1&limit=2", "", "`limit` twice"},
		{"GET /v1/shelves/1/titles?like=1", "", "`like`"},
		{"GET /v1/everything?nested.inner.amount=-1", "", "`nested.inner.amount`: `-1` is no uint32"},
		{"GET /v1/everything?enum_value=TWO", "", "`enum_value`: `TWO` is no everything.v1.Numeric"},
		{"GET /v1/everything?by_number[x]=ONE", "", "by_number[x]"},
		{"GET /v1/everything?oneof_bool=true&oneof_string=x", "", "oneof_value"},
		{"GET /v1/oneof/x?oneof_bool=true", "", "oneof_value"},
		{"GET /v1/everything?string_value=%ff", "", "UTF-8"},
		// Bodies.
		{"GET /v1/shelves", "{}", "no body"},
		{"POST /v1/shelves", `{"theme":`, ""},
		{"POST /v1/shelves", `{"theme":1}`, "theme_name"},
		{"POST /v1/shelves", `{"theme":"a"} {}`, ""},
		{"POST /v1/shelves", `[]`, ""},
		{"PUT /v1/books/1", `{"author":{"id":"x"}}`, "author.id"},
		{"PUT /v1/books/1", `{"quotes":["a",1]}`, "quotes[1]"},
		{"PUT /v1/books/1", `{"ratings":{"a":1.5}}`, "ratings"},
		{"PUT /v1/books/1", `{"title":"a","title":"b"}`, "title"},
		{"POST /v1/everything", `{"oneofBool":true,"oneofString":""}`, "oneof"},
		{"POST /v1/everything", `{"int32Value":2147483648}`, "int32_value"},
		{"POST /v1/everything", `{"timestamp":"yesterday"}`, "timestamp"},
		{"POST /v1/everything", `{"duration":"1"}`, "duration"},
		{"POST /v1/everything", `{"bytesValue":"*"}`, "bytes_value"},
		{"POST /v1/everything", `{"nested":{"inner":{"amount":-1}}}`, "nested.inner.amount"},
		{"POST /v1/everything", `{"uuid":"\ud800"}`, "no JSON"},
		{"POST /v1/everything", `{"nested":` + deep + `}`, ""},
	} {
		t.Run(fmt.Sprintf("%s %.40s", c.line, c.body), func(t *testing.T) {
			do(t, request{line: c.line, body: c.body}).refused(t, 400, 3, c.words)
		})
	}
}
