// Made of clients/demo and clients/web by clients/demo/build.mjs. See licenses.txt for what else is in it.
function it(e,t){return e!==null&&typeof e=="object"&&"$typeName"in e&&typeof e.$typeName=="string"?t===void 0?!0:t.typeName===e.$typeName:!1}var l;(function(e){e[e.DOUBLE=1]="DOUBLE",e[e.FLOAT=2]="FLOAT",e[e.INT64=3]="INT64",e[e.UINT64=4]="UINT64",e[e.INT32=5]="INT32",e[e.FIXED64=6]="FIXED64",e[e.FIXED32=
7]="FIXED32",e[e.BOOL=8]="BOOL",e[e.STRING=9]="STRING",e[e.BYTES=12]="BYTES",e[e.UINT32=13]="UINT32",e[e.SFIXED32=15]="SFIXED32",e[e.SFIXED64=16]="SFIXED64",e[e.
SINT32=17]="SINT32",e[e.SINT64=18]="SINT64"})(l||(l={}));function Co(){let e=this.buf,t=this.pos,n=0,r=0;for(let s=0;s<28;s+=7){let a=e[t++];if(n|=(a&127)<<s,(a&128)==0){this.pos=t,this.assertBounds(),this.varint64Lo=
n,this.varint64Hi=r;return}}let o=e[t++];if(n|=(o&15)<<28,r=(o&112)>>4,(o&128)==0){this.pos=t,this.assertBounds(),this.varint64Lo=n,this.varint64Hi=r;return}for(let s=3;s<=
31;s+=7){let a=e[t++];if(r|=(a&127)<<s,(a&128)==0){this.pos=t,this.assertBounds(),this.varint64Lo=n,this.varint64Hi=r;return}}throw new Error("invalid varint")}var Ft=4294967296;function Qn(e){let t=e[0]==="-";t&&(e=e.slice(1));let n=1e6,r=0,o=0;function s(a,i){let c=Number(e.slice(a,i));o*=n,r=r*n+c,r>=Ft&&(o=o+(r/Ft|
0),r=r%Ft)}return s(-24,-18),s(-18,-12),s(-12,-6),s(-6),t?Ro(r,o):tr(r,o)}function Lo(e,t){let n=tr(e,t),r=n.hi&2147483648;r&&(n=Ro(n.lo,n.hi));let o=er(n.lo,n.
hi);return r?"-"+o:o}function er(e,t){if({lo:e,hi:t}=lc(e,t),t<=2097151)return String(Ft*t+e);let n=e&16777215,r=(e>>>24|t<<8)&16777215,o=t>>16&65535,s=n+r*6777216+
o*6710656,a=r+o*8147497,i=o*2,c=1e7;return s>=c&&(a+=Math.floor(s/c),s%=c),a>=c&&(i+=Math.floor(a/c),a%=c),i.toString()+Ao(a)+Ao(s)}function lc(e,t){return{lo:e>>>
0,hi:t>>>0}}function tr(e,t){return{lo:e|0,hi:t|0}}function Ro(e,t){return t=~t,e?e=~e+1:t+=1,tr(e,t)}var Ao=e=>{let t=String(e);return"0000000".slice(t.length)+
t};function ko(e,t){if(e>>>0<128){t.push(e);return}if(e>=0){for(;e>127;)t.push(e&127|128),e=e>>>7;t.push(e)}else{for(let n=0;n<9;n++)t.push(e&127|128),e=e>>7;t.
push(1)}}function Do(){let e=this.buf[this.pos++];if((e&128)===0)return this.assertBounds(),e;let t=e&127;if(e=this.buf[this.pos++],t|=(e&127)<<7,(e&128)===0)return this.
assertBounds(),t;if(e=this.buf[this.pos++],t|=(e&127)<<14,(e&128)===0)return this.assertBounds(),t;if(e=this.buf[this.pos++],t|=(e&127)<<21,(e&128)===0)return this.
assertBounds(),t;e=this.buf[this.pos++],t|=(e&15)<<28;for(let n=5;(e&128)!==0&&n<10;n++)e=this.buf[this.pos++];if((e&128)!==0)throw new Error("invalid varint");
return this.assertBounds(),t>>>0}var S=mc();function mc(){let e=new DataView(new ArrayBuffer(8));if(typeof BigInt=="function"&&typeof e.getBigInt64=="function"&&typeof e.getBigUint64=="function"&&
typeof e.setBigInt64=="function"&&typeof e.setBigUint64=="function"&&(!!globalThis.Deno||!!globalThis.Bun||typeof process!="object"||typeof process.env!="object"||
process.env.BUF_BIGINT_DISABLE!=="1")){let n=BigInt("-9223372036854775808"),r=BigInt("9223372036854775807"),o=BigInt("0"),s=BigInt("18446744073709551615");return{
zero:BigInt(0),supported:!0,parse(a){let i=typeof a=="bigint"?a:BigInt(a);if(i>r||i<n)throw new Error(`invalid int64: ${a}`);return i},uParse(a){let i=typeof a==
"bigint"?a:BigInt(a);if(i>s||i<o)throw new Error(`invalid uint64: ${a}`);return i},enc(a){return e.setBigInt64(0,this.parse(a),!0),{lo:e.getInt32(0,!0),hi:e.getInt32(
4,!0)}},uEnc(a){return e.setBigInt64(0,this.uParse(a),!0),{lo:e.getInt32(0,!0),hi:e.getInt32(4,!0)}},dec(a,i){return e.setInt32(0,a,!0),e.setInt32(4,i,!0),e.getBigInt64(
0,!0)},uDec(a,i){return e.setInt32(0,a,!0),e.setInt32(4,i,!0),e.getBigUint64(0,!0)}}}return{zero:"0",supported:!1,parse(n){return typeof n!="string"&&(n=n.toString()),
Uo(n),n},uParse(n){return typeof n!="string"&&(n=n.toString()),Mo(n),n},enc(n){return typeof n!="string"&&(n=n.toString()),Uo(n),Qn(n)},uEnc(n){return typeof n!=
"string"&&(n=n.toString()),Mo(n),Qn(n)},dec(n,r){return Lo(n,r)},uDec(n,r){return er(n,r)}}}function Uo(e){if(!/^-?[0-9]+$/.test(e))throw new Error("invalid int\
64: "+e)}function Mo(e){if(!/^[0-9]+$/.test(e))throw new Error("invalid uint64: "+e)}function F(e,t){switch(e){case l.STRING:return"";case l.BOOL:return!1;case l.DOUBLE:case l.FLOAT:return 0;case l.INT64:case l.UINT64:case l.SFIXED64:case l.FIXED64:case l.
SINT64:return t?"0":S.zero;case l.BYTES:return new Uint8Array(0);default:return 0}}function Po(e,t){switch(e){case l.BOOL:return t===!1;case l.STRING:return t===
"";case l.BYTES:return t instanceof Uint8Array&&!t.byteLength;case l.DOUBLE:case l.FLOAT:return Object.is(t,0);default:return t==0}}var Fo=2,D=Symbol.for("reflect unsafe local");function $o(e,t){let n=e[t.localName].case;return n===void 0?n:t.fields.find(r=>r.localName===n)}function Vo(e,t){
let n=t.localName;if(t.oneof)return e[t.oneof.localName].case===n;if(t.presence!=Fo)return e[n]!==void 0&&Object.prototype.hasOwnProperty.call(e,n);switch(t.fieldKind){case"\
list":return e[n].length>0;case"map":return Object.keys(e[n]).length>0;case"scalar":return!Po(t.scalar,e[n]);case"enum":return e[n]!==t.enum.values[0].number}throw new Error(
"message field with implicit presence")}function Ee(e,t){return Object.prototype.hasOwnProperty.call(e,t)&&e[t]!==void 0}function Bo(e,t){if(t.oneof){let n=e[t.
oneof.localName];return n.case===t.localName?n.value:void 0}return e[t.localName]}function Go(e,t,n){t.oneof?e[t.oneof.localName]={case:t.localName,value:n}:e[t.
localName]=n}function P(e,t,n){t==="__proto__"?Object.defineProperty(e,"__proto__",{value:n,writable:!0,enumerable:!0,configurable:!0}):e[t]=n}function Wo(e,t){
return Object.prototype.hasOwnProperty.call(e,t)?e[t]:void 0}function Yo(e,t){let n=t.localName;if(t.oneof){let r=t.oneof.localName;e[r].case===n&&(e[r]={case:void 0})}else if(t.
presence!=Fo)delete e[n];else switch(t.fieldKind){case"map":e[n]={};break;case"list":e[n]=[];break;case"enum":e[n]=t.enum.values[0].number;break;case"scalar":e[n]=
F(t.scalar,t.longAsString);break}}function z(e){return e!==null&&typeof e=="object"&&!Array.isArray(e)}function ct(e,t){var n,r,o,s;if(z(e)&&D in e&&"add"in e&&"field"in e&&typeof e.field=="function"){if(t!==void 0){let a=t,i=e.field();return a.listKind==i.listKind&&
a.scalar===i.scalar&&((n=a.message)===null||n===void 0?void 0:n.typeName)===((r=i.message)===null||r===void 0?void 0:r.typeName)&&((o=a.enum)===null||o===void 0?
void 0:o.typeName)===((s=i.enum)===null||s===void 0?void 0:s.typeName)}return!0}return!1}function ut(e,t){var n,r,o,s;if(z(e)&&D in e&&"has"in e&&"field"in e&&typeof e.
field=="function"){if(t!==void 0){let a=t,i=e.field();return a.mapKey===i.mapKey&&a.mapKind==i.mapKind&&a.scalar===i.scalar&&((n=a.message)===null||n===void 0?void 0:
n.typeName)===((r=i.message)===null||r===void 0?void 0:r.typeName)&&((o=a.enum)===null||o===void 0?void 0:o.typeName)===((s=i.enum)===null||s===void 0?void 0:s.
typeName)}return!0}return!1}function lt(e,t){return z(e)&&D in e&&"desc"in e&&z(e.desc)&&e.desc.kind==="message"&&(t===void 0||e.desc.typeName==t.typeName)}function Ko(e){return Ho(e.$typeName)}function K(e){let t=e.fields[0];return Ho(e.typeName)&&t!==void 0&&t.fieldKind=="scalar"&&t.name=="value"&&t.number==1}function $t(e){
switch(e.typeName){case"google.protobuf.Any":case"google.protobuf.Timestamp":case"google.protobuf.Duration":case"google.protobuf.FieldMask":case"google.protobuf\
.Struct":case"google.protobuf.Value":case"google.protobuf.ListValue":return!0;default:return K(e)}}var fc=new Set(["google.protobuf.DoubleValue","google.protobu\
f.FloatValue","google.protobuf.Int64Value","google.protobuf.UInt64Value","google.protobuf.Int32Value","google.protobuf.UInt32Value","google.protobuf.BoolValue",
"google.protobuf.StringValue","google.protobuf.BytesValue"]);function Ho(e){return fc.has(e)}var dc=999,pc=998,jo=2;function A(e,t){return it(t,e)?t:Xo(e)(t)}var Jo=new WeakMap;function Xo(e){let t=Jo.get(e);return t===void 0&&(t=hc(e),Jo.set(e,t)),t}var nr=0,
Zo=1,zo=2,qo=3;function hc(e){let t=e.typeName,{properties:n,prototype:r}=yc(e);return o=>{let s;r!==void 0?(s=Object.create(r),s.$typeName=t):s={$typeName:t};for(let a=0;a<
n.length;a++){let i=n[a],c=i.name,u=o?.[c];switch(i.kind){case nr:u!=null?s[c]=i.convert!==void 0?i.convert(u):u:i.constant!==void 0&&(s[c]=i.constant);break;case Zo:
s[c]=i.convert!==void 0&&Array.isArray(u)?u.map(i.convert):u??[];break;case zo:if(i.convert===void 0||!z(u))s[c]=u??{};else{let m={},p=Object.keys(u);for(let d=0;d<
p.length;d++)P(m,p[d],i.convert(u[p[d]]));s[c]=m}break;case qo:{let m=u;if(m?.case!=null){let p=i.convert.get(m.case);if(p!==void 0){s[c]={case:m.case,value:p(m.
value)};break}}s[c]={case:void 0};break}}}return s}}function yc(e){var t,n;let r=[],o={},s=gc(e);for(let a of e.members){let i=a.localName;if(a.kind=="oneof"){r.
push({name:i,kind:qo,constant:void 0,convert:bc(a)});continue}switch(a.fieldKind){case"message":{r.push({name:i,kind:nr,constant:void 0,convert:Vt(a)});break}case"\
list":{r.push({name:i,kind:Zo,constant:void 0,convert:a.listKind=="message"?(t=Vt(a))!==null&&t!==void 0?t:(c=>c):a.scalar==l.BYTES?mt:void 0});break}case"map":{
r.push({name:i,kind:zo,constant:void 0,convert:a.mapKind=="message"?(n=Vt(a))!==null&&n!==void 0?n:(c=>c):a.scalar==l.BYTES?mt:void 0});break}default:{let c=wc(
a);r.push({name:i,kind:nr,constant:a.presence==jo?c:void 0,convert:a.fieldKind=="scalar"&&a.scalar==l.BYTES?mt:void 0}),s&&(o[i]=c);break}}}return{properties:r,
prototype:s?o:void 0}}function bc(e){let t=new Map;for(let n of e.fields){let r;n.fieldKind=="message"?r=Vt(n):n.fieldKind=="scalar"&&n.scalar==l.BYTES&&(r=mt),
t.set(n.localName,r??(o=>o))}return t}function Vt(e){if(e.fieldKind=="message"&&!e.oneof&&K(e.message))return e.message.fields[0].scalar==l.BYTES?mt:void 0;if(e.
message.typeName=="google.protobuf.Struct"&&e.parent.typeName!=="google.protobuf.Value")return;let t=e.message,n;return r=>!z(r)||it(r,t)?r:(n??(n=Xo(t)),n(r))}
function mt(e){return Array.isArray(e)?new Uint8Array(e):e}function gc(e){switch(e.file.edition){case dc:return!1;case pc:return!0;default:return e.fields.some(
t=>t.presence!=jo&&t.fieldKind!="message"&&!t.oneof)}}function wc(e){let t=e.getDefaultValue();return t!==void 0?e.fieldKind=="scalar"&&e.longAsString?t.toString():
t:e.fieldKind=="scalar"?F(e.scalar,e.longAsString):e.enum.values[0].number}var Ec=["FieldValueInvalidError","FieldListRangeError","ForeignFieldError"],T=class extends Error{constructor(t,n,r="FieldValueInvalidError"){super(n),this.name=
r,this.field=()=>t}};function Qo(e){return e instanceof Error&&Ec.includes(e.name)&&"field"in e&&typeof e.field=="function"}var rr;function vc(e){var t;rr=Object.assign(Object.assign({},e),{encodeUtf8Into:(t=e.encodeUtf8Into)!==null&&t!==void 0?t:or(e.encodeUtf8.bind(e))})}function ft(){
if(!rr){let e=globalThis;if(!e.TextEncoder||!e.TextDecoder)throw new Error("encoding API missing: install TextEncoder and TextDecoder on globalThis");let t=new e.
TextEncoder,n=new e.TextDecoder("utf-8",{ignoreBOM:!0}),r,o={encodeUtf8(a){return t.encode(a)},decodeUtf8(a,i){return i?(r||(r=new e.TextDecoder("utf-8",{fatal:!0,
ignoreBOM:!0})),r.decode(a)):n.decode(a)},checkUtf8(a){try{return encodeURIComponent(a),!0}catch{return!1}}};t.encodeInto&&(o.encodeUtf8Into=t.encodeInto.bind(t));
let s=String.prototype.isWellFormed;s&&(o.checkUtf8=a=>s.call(a)),vc(o)}return rr}function or(e){return(t,n)=>{let r=e(t);return n.set(r),{written:r.byteLength}}}var I;(function(e){e[e.Varint=0]="Varint",e[e.Bit64=1]="Bit64",e[e.LengthDelimited=2]="LengthDelimited",e[e.StartGroup=3]="StartGroup",e[e.EndGroup=4]="EndGroup",
e[e.Bit32=5]="Bit32"})(I||(I={}));var ir=4294967295,cr=2147483647,ur=-2147483648,Ce=class{constructor(t){this.stackPos=[],this.encodeUtf8Into=t?or(t):ft().encodeUtf8Into,this.buffer=ts,this.viewCache=
Sc,this.pos=0}ensureCapacity(t){let n=this.pos+t;if(n>this.buffer.length){let r=this.buffer.length||Nc;for(;r<n;)r*=2;let o=new Uint8Array(r);this.pos>0&&o.set(
this.buffer),this.buffer=o}}view(){let t=this.buffer,n=this.viewCache;if(n.byteLength===t.byteLength)return n;let r=new DataView(t.buffer);return this.viewCache=
r,r}finish(){let t=this.buffer.slice(0,this.pos);return this.pos=0,this.stackPos=[],t}fork(){return this.stackPos.push(this.pos),this.ensureCapacity(dt),this.buffer[this.
pos++]=0,this}join(){let t=this.stackPos.pop();if(t===void 0)throw new Error("invalid state, fork stack empty");let n=this.pos-t-dt,r=sr(n);return r>dt&&(this.ensureCapacity(
r-dt),this.buffer.copyWithin(t+r,t+dt,this.pos)),this.pos=t,this.uint32(n),this.pos+=n,this}tag(t,n){return this.uint32((t<<3|n)>>>0)}raw(t){return this.ensureCapacity(
t.length),this.buffer.set(t,this.pos),this.pos+=t.length,this}uint32(t){if(es(t),this.ensureCapacity(5),t<128)return this.buffer[this.pos++]=t,this;for(;t>127;)
this.buffer[this.pos++]=t&127|128,t>>>=7;return this.buffer[this.pos++]=t,this}int32(t){if(ar(t),t>=0)return this.uint32(t);this.ensureCapacity(10);for(let n=0;n<
9;n++)this.buffer[this.pos++]=t&127|128,t>>=7;return this.buffer[this.pos++]=1,this}bool(t){return this.ensureCapacity(1),this.buffer[this.pos++]=t?1:0,this}bytes(t){
return this.uint32(t.byteLength),this.raw(t)}string(t){typeof t!="string"&&(t=String(t));let n=t.length;if(n<=ns){this.ensureCapacity(n+1);let c=this.buffer,u=this.
pos;c[u++]=n;let m=0;for(;m<n;m++){let p=t.charCodeAt(m);if(p>127)break;c[u++]=p}if(m==n)return this.pos=u,this}this.ensureCapacity(n*3+5);let r=sr(n),o=this.buffer,
s=this.pos,{written:a}=this.encodeUtf8Into(t,o.subarray(s+r)),i=sr(a);return i!=r&&o.copyWithin(s+i,s+r,s+r+a),this.uint32(a),this.pos+=a,this}float(t){return Tc(
t),this.ensureCapacity(4),this.view().setFloat32(this.pos,t,!0),this.pos+=4,this}double(t){return this.ensureCapacity(8),this.view().setFloat64(this.pos,t,!0),this.
pos+=8,this}fixed32(t){return es(t),this.ensureCapacity(4),this.view().setUint32(this.pos,t,!0),this.pos+=4,this}sfixed32(t){return ar(t),this.ensureCapacity(4),
this.view().setInt32(this.pos,t,!0),this.pos+=4,this}sint32(t){return ar(t),this.uint32((t<<1^t>>31)>>>0)}sfixed64(t){let n=S.enc(t);this.ensureCapacity(8);let r=this.
view();return r.setInt32(this.pos,n.lo,!0),r.setInt32(this.pos+4,n.hi,!0),this.pos+=8,this}fixed64(t){let n=S.uEnc(t);this.ensureCapacity(8);let r=this.view();return r.
setInt32(this.pos,n.lo,!0),r.setInt32(this.pos+4,n.hi,!0),this.pos+=8,this}int64(t){let n=S.enc(t);return this.writeVarint64(n.lo,n.hi)}sint64(t){let n=S.enc(t),
r=n.hi>>31,o=n.lo<<1^r,s=(n.hi<<1|n.lo>>>31)^r;return this.writeVarint64(o,s)}uint64(t){let n=S.uEnc(t);return this.writeVarint64(n.lo,n.hi)}writeVarint64(t,n){
this.ensureCapacity(10);let r=this.buffer,o=this.pos;for(let i=0;i<28;i=i+7){let c=t>>>i,u=!(!(c>>>7)&&n==0);if(r[o++]=(u?c|128:c)&255,!u)return this.pos=o,this}
let s=t>>>28&15|(n&7)<<4,a=n>>3!=0;if(r[o++]=(a?s|128:s)&255,!a)return this.pos=o,this;for(let i=3;i<31;i=i+7){let c=n>>>i,u=!!(c>>>7);if(r[o++]=(u?c|128:c)&255,
!u)return this.pos=o,this}return r[o++]=n>>>31&1,this.pos=o,this}},Nc=128,dt=1,ts=new Uint8Array(0),Sc=new DataView(ts.buffer),ns=32;function sr(e){return e<128?
1:e<16384?2:e<2097152?3:e<268435456?4:5}var re=class{constructor(t,n=ft().decodeUtf8){this.decodeUtf8=n,this.varint64Lo=0,this.varint64Hi=0,this.varint64=Co,this.
uint32=Do,this.buf=t,this.len=t.length,this.pos=0,this.view=new DataView(t.buffer,t.byteOffset,t.byteLength)}tag(){let t=this.pos,n=this.uint32(),r=this.pos-t;if(r>
5||r==5&&this.buf[this.pos-1]>15)throw new Error("illegal tag: varint overflows uint32");let o=n>>>3,s=n&7;if(o<=0||s>5)throw new Error("illegal tag: field no "+
o+" wire type "+s);return[o,s]}skip(t,n,r=100){let o=this.pos;switch(t){case I.Varint:for(;this.buf[this.pos++]&128;);break;case I.Bit64:this.pos+=4;case I.Bit32:
this.pos+=4;break;case I.LengthDelimited:let s=this.uint32();this.pos+=s;break;case I.StartGroup:if(r<=0)throw new Error("maximum recursion depth reached");for(;;){
let[a,i]=this.tag();if(i===I.EndGroup){if(n!==void 0&&a!==n)throw new Error("invalid end group tag");break}this.skip(i,a,r-1)}break;default:throw new Error("can\
t skip wire type "+t)}return this.assertBounds(),this.buf.subarray(o,this.pos)}assertBounds(){if(this.pos>this.len)throw new RangeError("premature EOF")}int32(){
return this.uint32()|0}sint32(){let t=this.uint32();return t>>>1^-(t&1)}int64(){return this.varint64(),S.dec(this.varint64Lo,this.varint64Hi)}uint64(){return this.
varint64(),S.uDec(this.varint64Lo,this.varint64Hi)}sint64(){this.varint64();let t=this.varint64Lo,n=this.varint64Hi,r=-(t&1);return t=(t>>>1|(n&1)<<31)^r,n=n>>>
1^r,S.dec(t,n)}bool(){let t=this.buf[this.pos];return t<128?(this.pos++,t!==0):(this.varint64(),this.varint64Lo!==0||this.varint64Hi!==0)}fixed32(){return this.
view.getUint32((this.pos+=4)-4,!0)}sfixed32(){return this.view.getInt32((this.pos+=4)-4,!0)}fixed64(){return S.uDec(this.sfixed32(),this.sfixed32())}sfixed64(){
return S.dec(this.sfixed32(),this.sfixed32())}float(){return this.view.getFloat32((this.pos+=4)-4,!0)}double(){return this.view.getFloat64((this.pos+=8)-8,!0)}bytes(){
let t=this.uint32(),n=this.pos;return this.pos+=t,this.assertBounds(),this.buf.subarray(n,n+t)}string(t){let n=this.uint32(),r=this.pos;this.pos+=n,this.assertBounds();
let o=this.buf;if(n<=ns){let s=new Array(n);for(let a=0;a<n;a++){let i=o[r+a];if(i>127)return this.decodeUtf8(o.subarray(r,this.pos),t);s[a]=i}return String.fromCharCode.
apply(String,s)}return this.decodeUtf8(o.subarray(r,this.pos),t)}};function ar(e){if(typeof e=="string")e=Number(e);else if(typeof e!="number")throw new Error("\
invalid int32: "+typeof e);if(!Number.isInteger(e)||e>cr||e<ur)throw new Error("invalid int32: "+e)}function es(e){if(typeof e=="string")e=Number(e);else if(typeof e!=
"number")throw new Error("invalid uint32: "+typeof e);if(!Number.isInteger(e)||e>ir||e<0)throw new Error("invalid uint32: "+e)}function Tc(e){if(typeof e=="stri\
ng"){let t=e;if(e=Number(e),Number.isNaN(e)&&t!=="NaN")throw new Error("invalid float32: "+t)}else if(typeof e!="number")throw new Error("invalid float32: "+typeof e);
if(!Number.isFinite(Math.fround(e))&&Number.isFinite(e))throw new Error("invalid float32: "+e)}function Bt(e,t){let n=e.fieldKind=="list"?ct(t,e):e.fieldKind=="map"?ut(t,e):mr(e,t);if(n===!0)return;let r;switch(e.fieldKind){case"list":r=`expected ${ss(e)}\
, got ${k(t)}`;break;case"map":r=`expected ${as(e)}, got ${k(t)}`;break;default:r=X(e,t,n)}return new T(e,r)}function lr(e,t,n){let r=mr(e,n);if(r!==!0)return new T(
e,`list item #${t+1}: ${X(e,n,r)}`)}function rs(e,t,n){let r=le(e.mapKey)(t);if(r!==!0)return new T(e,`invalid map key: ${X({scalar:e.mapKey},t,r)}`);let o=mr(e,
n);if(o!==!0)return new T(e,`map entry ${k(t)}: ${X(e,n,o)}`)}function mr(e,t){return e.scalar!==void 0?le(e.scalar)(t):e.enum!==void 0?e.enum.open?le(l.INT32)(
t):e.enum.values.some(n=>n.number===t):lt(t,e.message)}function le(e){switch(e){case l.DOUBLE:return t=>typeof t=="number";case l.FLOAT:return t=>typeof t!="num\
ber"?!1:!Number.isFinite(Math.fround(t))&&Number.isFinite(t)?`${t.toFixed()} out of range`:!0;case l.INT32:case l.SFIXED32:case l.SINT32:return t=>typeof t!="nu\
mber"||!Number.isInteger(t)?!1:t>cr||t<ur?`${t.toFixed()} out of range`:!0;case l.FIXED32:case l.UINT32:return t=>typeof t!="number"||!Number.isInteger(t)?!1:t>
ir||t<0?`${t.toFixed()} out of range`:!0;case l.BOOL:return t=>typeof t=="boolean";case l.STRING:return t=>typeof t!="string"?!1:ft().checkUtf8(t)||"invalid UTF\
8";case l.BYTES:return t=>t instanceof Uint8Array;case l.INT64:case l.SFIXED64:case l.SINT64:return t=>{if(typeof t=="bigint"||typeof t=="number"||typeof t=="st\
ring"&&t.length>0)try{return S.parse(t),!0}catch{return`${t} out of range`}return!1};case l.FIXED64:case l.UINT64:return t=>{if(typeof t=="bigint"||typeof t=="n\
umber"||typeof t=="string"&&t.length>0)try{return S.uParse(t),!0}catch{return`${t} out of range`}return!1}}}function X(e,t,n){return n=typeof n=="string"?`: ${n}`:
`, got ${k(t)}`,e.scalar!==void 0?`expected ${xc(e.scalar)}`+n:e.enum!==void 0?`expected ${e.enum.toString()}`+n:`expected ${os(e.message)}`+n}function k(e){switch(typeof e){case"\
object":return e===null?"null":e instanceof Uint8Array?`Uint8Array(${e.length})`:Array.isArray(e)?`Array(${e.length})`:ct(e)?ss(e.field()):ut(e)?as(e.field()):lt(
e)?os(e.desc):it(e)?`message ${e.$typeName}`:"object";case"string":return e.length>30?"string":`"${e.split('"').join('\\"')}"`;case"boolean":return String(e);case"\
number":return String(e);case"bigint":return String(e)+"n";default:return typeof e}}function os(e){return`ReflectMessage (${e.typeName})`}function ss(e){switch(e.
listKind){case"message":return`ReflectList (${e.message.toString()})`;case"enum":return`ReflectList (${e.enum.toString()})`;case"scalar":return`ReflectList (${l[e.
scalar]})`}}function as(e){switch(e.mapKind){case"message":return`ReflectMap (${l[e.mapKey]}, ${e.message.toString()})`;case"enum":return`ReflectMap (${l[e.mapKey]}\
, ${e.enum.toString()})`;case"scalar":return`ReflectMap (${l[e.mapKey]}, ${l[e.scalar]})`}}function xc(e){switch(e){case l.STRING:return"string";case l.BOOL:return"\
boolean";case l.INT64:case l.SINT64:case l.SFIXED64:return"bigint (int64)";case l.UINT64:case l.FIXED64:return"bigint (uint64)";case l.BYTES:return"Uint8Array";case l.
DOUBLE:return"number (float64)";case l.FLOAT:return"number (float32)";case l.FIXED32:case l.UINT32:return"number (uint32)";case l.INT32:case l.SFIXED32:case l.SINT32:
return"number (int32)"}}var Ic=0;function W(e){if(Oc(e))return{toMessage:n=>Gt(n),toLocal:n=>Wt(n)};if(e.fieldKind=="message"&&!e.oneof&&K(e.message)){let n=e.message,r=n.fields[0].localName;
return{toMessage:o=>{let s=A(n);return o!==void 0&&(s[r]=o),s},toLocal:o=>o[r]}}let t=e.message;return{toMessage:n=>n===void 0?A(t):n,toLocal:n=>n}}function Oc(e){
return e.message.typeName=="google.protobuf.Struct"&&e.parent.typeName!="google.protobuf.Value"}function Gt(e){let t={$typeName:"google.protobuf.Struct",fields:{}};
if(z(e))for(let n of Object.keys(e))P(t.fields,n,cs(e[n]));return t}function Wt(e){let t={};for(let n of Object.keys(e.fields))P(t,n,is(e.fields[n]));return t}function is(e){
switch(e.kind.case){case"structValue":return Wt(e.kind.value);case"listValue":return e.kind.value.values.map(is);case"nullValue":case void 0:return null;default:
return e.kind.value}}function cs(e){let t={$typeName:"google.protobuf.Value",kind:{case:void 0}};switch(typeof e){case"number":t.kind={case:"numberValue",value:e};
break;case"string":t.kind={case:"stringValue",value:e};break;case"boolean":t.kind={case:"boolValue",value:e};break;case"object":if(e===null)t.kind={case:"nullVa\
lue",value:Ic};else if(Array.isArray(e)){let n={$typeName:"google.protobuf.ListValue",values:[]};if(Array.isArray(e))for(let r of e)n.values.push(cs(r));t.kind=
{case:"listValue",value:n}}else t.kind={case:"structValue",value:Gt(e)};break}return t}function fs(e,t,n=!0){return new Kt(e,t,n)}var us=new WeakMap,Kt=class{get sortedFields(){let t=us.get(this.desc);if(t)return t;let n=this.desc.fields.concat().
sort((r,o)=>r.number-o.number);return us.set(this.desc,n),n}constructor(t,n,r=!0){this.lists=new Map,this.maps=new Map,this.check=r,this.desc=t,this.message=this[D]=
n??A(t),this.fields=t.fields,this.oneofs=t.oneofs,this.members=t.members}findNumber(t){return this._fieldsByNumber||(this._fieldsByNumber=new Map(this.desc.fields.
map(n=>[n.number,n]))),this._fieldsByNumber.get(t)}oneofCase(t){return pt(this.message,t),$o(this.message,t)}isSet(t){return pt(this.message,t),Vo(this.message,
t)}clear(t){pt(this.message,t),Yo(this.message,t)}get(t){pt(this.message,t);let n=Bo(this.message,t);switch(t.fieldKind){case"list":let r=this.lists.get(t);return(!r||
r[D]!==n)&&this.lists.set(t,r=new pr(t,n,this.check)),r;case"map":let o=this.maps.get(t);return(!o||o[D]!==n)&&this.maps.set(t,o=new hr(t,n,this.check)),o;case"\
message":return br(t,n,this.check);case"scalar":return n===void 0?F(t.scalar,!1):gr(t,n);case"enum":return n??t.enum.values[0].number}}set(t,n){if(pt(this.message,
t),this.check){let o=Bt(t,n);if(o)throw o}let r;t.fieldKind=="message"?r=yr(t,n):ut(n)||ct(n)?r=n[D]:r=wr(t,n),Go(this.message,t,r)}getUnknown(){return this.message.
$unknown}setUnknown(t){this.message.$unknown=t}};function pt(e,t){if(t.parent.typeName!==e.$typeName)throw new T(t,`cannot use ${t.toString()} with message ${e.
$typeName}`,"ForeignFieldError")}var pr=class{field(){return this._field}get size(){return this._arr.length}constructor(t,n,r){this._field=t,this._arr=this[D]=n,this.check=r}get(t){let n=this._arr[t];
return n===void 0?void 0:fr(this._field,n,this.check)}set(t,n){if(t<0||t>=this._arr.length)throw new T(this._field,`list item #${t+1}: out of range`);if(this.check){
let r=lr(this._field,t,n);if(r)throw r}this._arr[t]=ls(this._field,n)}add(t){if(this.check){let n=lr(this._field,this._arr.length,t);if(n)throw n}this._arr.push(
ls(this._field,t))}clear(){this._arr.splice(0,this._arr.length)}[Symbol.iterator](){return this.values()}keys(){return this._arr.keys()}*values(){for(let t of this.
_arr)yield fr(this._field,t,this.check)}*entries(){for(let t=0;t<this._arr.length;t++)yield[t,fr(this._field,this._arr[t],this.check)]}};var hr=class{constructor(t,n,r=!0){this.obj=this[D]=n??{},this.check=r,this._field=t}field(){return this._field}set(t,n){if(this.check){let r=rs(this._field,t,n);
if(r)throw r}return P(this.obj,Yt(t),_c(this._field,n)),this}delete(t){let n=Yt(t),r=Object.prototype.hasOwnProperty.call(this.obj,n);return r&&delete this.obj[n],
r}clear(){for(let t of Object.keys(this.obj))delete this.obj[t]}get(t){let n=Wo(this.obj,Yt(t));return n!==void 0&&(n=dr(this._field,n,this.check)),n}has(t){return Object.
prototype.hasOwnProperty.call(this.obj,Yt(t))}*keys(){for(let t of Object.keys(this.obj))yield ms(t,this._field.mapKey)}*entries(){for(let t of Object.entries(this.
obj))yield[ms(t[0],this._field.mapKey),dr(this._field,t[1],this.check)]}[Symbol.iterator](){return this.entries()}get size(){return Object.keys(this.obj).length}*values(){
for(let t of Object.values(this.obj))yield dr(this._field,t,this.check)}forEach(t,n){for(let r of this.entries())t.call(n,r[1],r[0],this)}};function yr(e,t){return lt(
t)?Ko(t.message)&&!e.oneof&&e.fieldKind=="message"?t.message.value:t.desc.typeName=="google.protobuf.Struct"&&e.parent.typeName!="google.protobuf.Value"?Wt(t.message):
t.message:t}function br(e,t,n){return t!==void 0&&(K(e.message)&&!e.oneof&&e.fieldKind=="message"?t={$typeName:e.message.typeName,value:gr(e.message.fields[0],t)}:
e.message.typeName=="google.protobuf.Struct"&&e.parent.typeName!="google.protobuf.Value"&&z(t)&&(t=Gt(t))),new Kt(e.message,t,n)}function ls(e,t){return e.listKind==
"message"?yr(e,t):wr(e,t)}function fr(e,t,n){return e.listKind=="message"?br(e,t,n):gr(e,t)}function _c(e,t){return e.mapKind=="message"?yr(e,t):wr(e,t)}function dr(e,t,n){
return e.mapKind=="message"?br(e,t,n):t}function Yt(e){return typeof e=="string"||typeof e=="number"?e:String(e)}function ms(e,t){switch(t){case l.STRING:return e;case l.
INT32:case l.FIXED32:case l.UINT32:case l.SFIXED32:case l.SINT32:{let n=Number.parseInt(e);if(Number.isFinite(n))return n;break}case l.BOOL:switch(e){case"true":
return!0;case"false":return!1}break;case l.UINT64:case l.FIXED64:try{return S.uParse(e)}catch{}break;default:try{return S.parse(e)}catch{}break}return e}function gr(e,t){
switch(e.scalar){case l.INT64:case l.SFIXED64:case l.SINT64:"longAsString"in e&&e.longAsString&&typeof t=="string"&&(t=S.parse(t));break;case l.FIXED64:case l.UINT64:
"longAsString"in e&&e.longAsString&&typeof t=="string"&&(t=S.uParse(t));break}return t}function wr(e,t){switch(e.scalar){case l.INT64:case l.SFIXED64:case l.SINT64:
"longAsString"in e&&e.longAsString?t=String(t):(typeof t=="string"||typeof t=="number")&&(t=S.parse(t));break;case l.FIXED64:case l.UINT64:"longAsString"in e&&e.
longAsString?t=String(t):(typeof t=="string"||typeof t=="number")&&(t=S.uParse(t));break}return t}var ds=Uint8Array.prototype.setFromBase64;function oe(e){let t=e.length,n=t-(t+3>>2);(t&3)==0&&e[t-1]=="="&&(n-=e[t-2]=="="?2:1);let r=new Uint8Array(n),o=-1;if(ds)
try{let s=ds.call(r,e);s.read==t&&(o=s.written)}catch{}return o<0&&(o=Ac(r,e)),o==n?r:r.subarray(0,o)}function Ac(e,t){let n=Lc(),r=0,o=0,s,a=0;for(let i=0;i<t.
length;i++){if(s=n[t.charCodeAt(i)],s===void 0)switch(t[i]){case"=":o=0;case`
`:case"\r":case"	":case" ":continue;default:throw Error("invalid base64 string")}switch(o){case 0:a=s,o=1;break;case 1:e[r++]=a<<2|(s&48)>>4,a=s,o=2;break;case 2:
e[r++]=(a&15)<<4|(s&60)>>2,a=s,o=3;break;case 3:e[r++]=(a&3)<<6|s,o=0;break}}if(o==1)throw Error("invalid base64 string");return r}var ps=Uint8Array.prototype.toBase64,
Cc={std:{alphabet:"base64",omitPadding:!1},std_raw:{alphabet:"base64",omitPadding:!0},url:{alphabet:"base64url",omitPadding:!0}};function Re(e,t="std"){if(ps)return ps.
call(e,Cc[t]);let n=ys(t),r=t=="std",o="",s=0,a,i=0;for(let c=0;c<e.length;c++)switch(a=e[c],s){case 0:o+=n[a>>2],i=(a&3)<<4,s=1;break;case 1:o+=n[i|a>>4],i=(a&
15)<<2,s=2;break;case 2:o+=n[i|a>>6],o+=n[a&63],s=0;break}return s&&(o+=n[i],r&&(o+="=",s==1&&(o+="="))),o}var Ht,hs,Le;function ys(e){return Ht||(Ht="ABCDEFGHI\
JKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".split(""),hs=Ht.slice(0,-2).concat("-","_")),e=="url"?hs:Ht}function Lc(){if(!Le){Le=[];let e=ys("std");
for(let t=0;t<e.length;t++)Le[e[t].charCodeAt(0)]=t;Le[45]=e.indexOf("+"),Le[95]=e.indexOf("/")}return Le}function q(e){let t=!1,n=[];for(let r=0;r<e.length;r++){let o=e.charAt(r);switch(o){case"_":t=!0;break;case"0":case"1":case"2":case"3":case"4":case"5":case"6":case"\
7":case"8":case"9":n.push(o),t=!1;break;default:t&&(t=!1,o=o.toUpperCase()),n.push(o);break}}return n.join("")}function Jt(e){return e.replace(/[A-Z]/g,t=>"_"+t.
toLowerCase())}var Rc=new Set(["constructor","toString","toJSON","valueOf"]);function ke(e){return Rc.has(e)?e+"$":e}function ht(e){for(let t of e.field)Ee(t,"jsonName")||(t.jsonName=q(t.name));e.nestedType.forEach(ht)}function bs(e,t){let n=e.values.find(r=>r.name===t);if(!n)throw new Error(`cannot parse ${e} default value: ${t}`);return n.number}function gs(e,t){switch(e){case l.
STRING:return t;case l.BYTES:{let n=kc(t);if(n===!1)throw new Error(`cannot parse ${l[e]} default value: ${t}`);return n}case l.INT64:case l.SFIXED64:case l.SINT64:
return S.parse(t);case l.UINT64:case l.FIXED64:return S.uParse(t);case l.DOUBLE:case l.FLOAT:switch(t){case"inf":return Number.POSITIVE_INFINITY;case"-inf":return Number.
NEGATIVE_INFINITY;case"nan":return Number.NaN;default:return parseFloat(t)}case l.BOOL:return t==="true";case l.INT32:case l.UINT32:case l.SINT32:case l.FIXED32:case l.
SFIXED32:return parseInt(t,10)}}function kc(e){let t=[],n={tail:e,c:"",next(){return this.tail.length==0?!1:(this.c=this.tail[0],this.tail=this.tail.substring(1),
!0)},take(r){if(this.tail.length>=r){let o=this.tail.substring(0,r);return this.tail=this.tail.substring(r),o}return!1}};for(;n.next();)switch(n.c){case"\\":if(n.
next())switch(n.c){case"\\":t.push(n.c.charCodeAt(0));break;case"b":t.push(8);break;case"f":t.push(12);break;case"n":t.push(10);break;case"r":t.push(13);break;case"\
t":t.push(9);break;case"v":t.push(11);break;case"0":case"1":case"2":case"3":case"4":case"5":case"6":case"7":{let r=n.c,o=n.take(2);if(o===!1)return!1;let s=parseInt(
r+o,8);if(Number.isNaN(s))return!1;t.push(s);break}case"x":{let r=n.c,o=n.take(2);if(o===!1)return!1;let s=parseInt(r+o,16);if(Number.isNaN(s))return!1;t.push(s);
break}case"u":{let r=n.c,o=n.take(4);if(o===!1)return!1;let s=parseInt(r+o,16);if(Number.isNaN(s))return!1;let a=new Uint8Array(4);new DataView(a.buffer).setInt32(
0,s,!0),t.push(a[0],a[1],a[2],a[3]);break}case"U":{let r=n.c,o=n.take(8);if(o===!1)return!1;let s=S.uEnc(r+o),a=new Uint8Array(8),i=new DataView(a.buffer);i.setInt32(
0,s.lo,!0),i.setInt32(4,s.hi,!0),t.push(a[0],a[1],a[2],a[3],a[4],a[5],a[6],a[7]);break}}break;default:t.push(n.c.charCodeAt(0))}return new Uint8Array(t)}function*jt(e){switch(e.kind){case"file":for(let t of e.messages)yield t,yield*jt(t);yield*e.enums,yield*e.services,yield*e.extensions;break;case"message":for(let t of e.
nestedMessages)yield t,yield*jt(t);yield*e.nestedEnums,yield*e.nestedExtensions;break}}function Tr(...e){return Mc(e)}function Ne(...e){return Ts(e,Uc)}function Xt(e,t){return Ts([e,t])}function Ts(e,t){let n=xs();if(!e.length)return n;if("$typeName"in e[0]&&e[0].$typeName=="go\
ogle.protobuf.FileDescriptorSet"){for(let r of e[0].file)t?.(r),Ns(r,n);return n}if("$typeName"in e[0]){let a=function(i){let c=[];for(let u of i.dependency){if(n.
getFile(u)!=null||s.has(u))continue;let m=o(u);if(!m)throw new Error(`Unable to resolve ${u}, imported by ${i.name}`);"kind"in m?n.addFile(m,!1,!0):(s.add(m.name),
c.push(m))}return c.concat(...c.map(a))},r=e[0],o=e[1],s=new Set;for(let i of[r,...a(r)].reverse())t?.(i),Ns(i,n)}else for(let r of e)for(let o of r.files)n.addFile(
o);return n}var Dc=/^[A-Za-z0-9_]+$/;function Uc(e){let t=(o,s)=>{if(!Dc.test(s))throw new Error(`${e.name}: invalid ${o} name ${JSON.stringify(s)}`)},n=o=>{t("\
enum",o.name);for(let s of o.value)t("enum value",s.name)},r=o=>{t("message",o.name);for(let s of o.field)t("field",s.name);for(let s of o.oneofDecl)t("oneof",s.
name);for(let s of o.extension)t("extension",s.name);o.nestedType.forEach(r),o.enumType.forEach(n)};e.messageType.forEach(r),e.enumType.forEach(n);for(let o of e.
extension)t("extension",o.name);for(let o of e.service){t("service",o.name);for(let s of o.method)t("method",s.name)}}function xs(){let e=new Map,t=new Map,n=new Map;
return{kind:"registry",types:e,extendees:t,[Symbol.iterator](){return e.values()},get files(){return n.values()},addFile(r,o,s){if(n.set(r.proto.name,r),!o)for(let a of jt(
r))this.add(a);if(s)for(let a of r.dependencies)this.addFile(a,o,s)},add(r){if(r.kind=="extension"){let o=t.get(r.extendee.typeName);o||t.set(r.extendee.typeName,
o=new Map),o.set(r.number,r)}e.set(r.typeName,r)},get(r){return e.get(r)},getFile(r){return n.get(r)},getMessage(r){let o=e.get(r);return o?.kind=="message"?o:void 0},
getEnum(r){let o=e.get(r);return o?.kind=="enum"?o:void 0},getExtension(r){let o=e.get(r);return o?.kind=="extension"?o:void 0},getExtensionFor(r,o){var s;return(s=
t.get(r.typeName))===null||s===void 0?void 0:s.get(o)},getService(r){let o=e.get(r);return o?.kind=="service"?o:void 0}}}function Mc(e){let t=xs();for(let n of e)
switch(n.kind){case"registry":for(let r of n)t.add(r);break;case"file":t.addFile(n);break;default:t.add(n);break}return t}var Pc=998,Fc=999,$c=9999,Vc=9,bt=10,yt=11,
Bc=12,ws=14,xr=3,Gc=2,Es=1,Wc=0,Er=1,vs=2,Yc=3,Kc=1,Hc=2,Jc=1,jc=2;var Is=1002,Os={998:{fieldPresence:1,enumType:2,repeatedFieldEncoding:2,utf8Validation:3,messageEncoding:1,jsonFormat:2,enforceNamingStyle:2,defaultSymbolVisibility:1,
enforceProtoLimits:1},999:{fieldPresence:2,enumType:1,repeatedFieldEncoding:1,utf8Validation:2,messageEncoding:1,jsonFormat:1,enforceNamingStyle:2,defaultSymbolVisibility:1,
enforceProtoLimits:1},1e3:{fieldPresence:1,enumType:1,repeatedFieldEncoding:1,utf8Validation:2,messageEncoding:1,jsonFormat:1,enforceNamingStyle:2,defaultSymbolVisibility:1,
enforceProtoLimits:1},1001:{fieldPresence:1,enumType:1,repeatedFieldEncoding:1,utf8Validation:2,messageEncoding:1,jsonFormat:1,enforceNamingStyle:1,defaultSymbolVisibility:2,
enforceProtoLimits:1},1002:{fieldPresence:1,enumType:1,repeatedFieldEncoding:1,utf8Validation:2,messageEncoding:1,jsonFormat:1,enforceNamingStyle:3,defaultSymbolVisibility:4,
enforceProtoLimits:2}};function Ns(e,t){var n,r;let o={kind:"file",proto:e,deprecated:(r=(n=e.options)===null||n===void 0?void 0:n.deprecated)!==null&&r!==void 0?
r:!1,edition:qc(e),name:e.name.replace(/\.proto$/,""),dependencies:Qc(e,t),enums:[],messages:[],extensions:[],services:[],toString(){return`file ${e.name}`}},s=new Map,
a={get(i){return s.get(i)},add(i){var c;Q(((c=i.proto.options)===null||c===void 0?void 0:c.mapEntry)===!0),s.set(i.typeName,i)}};for(let i of e.enumType)_s(i,o,
void 0,t);for(let i of e.messageType)As(i,o,void 0,t,a);for(let i of e.service)Xc(i,o,t);vr(o,t);for(let i of s.values())Nr(i,t,a);for(let i of o.messages)Nr(i,
t,a),vr(i,t);t.addFile(o,!0)}function vr(e,t){switch(e.kind){case"file":for(let n of e.proto.extension){let r=Sr(n,e,t);e.extensions.push(r),t.add(r)}break;case"\
message":for(let n of e.proto.extension){let r=Sr(n,e,t);e.nestedExtensions.push(r),t.add(r)}for(let n of e.nestedMessages)vr(n,t);break}}function Nr(e,t,n){let r=e.
proto.oneofDecl.map(s=>zc(s,e)),o=new Set;for(let s of e.proto.field){let a=ru(s,r),i=Sr(s,e,t,a,n);e.fields.push(i),e.field[i.localName]=i,a===void 0?e.members.
push(i):(a.fields.push(i),o.has(a)||(o.add(a),e.members.push(a)))}for(let s of r.filter(a=>o.has(a)))e.oneofs.push(s);for(let s of e.nestedMessages)Nr(s,t,n)}function _s(e,t,n,r){
var o,s,a,i,c,u,m,p,d;let f=eu(e.name,e.value),h={kind:"enum",proto:e,deprecated:(s=(o=e.options)===null||o===void 0?void 0:o.deprecated)!==null&&s!==void 0?s:!1,
file:t,parent:n,open:!0,name:e.name,typeName:Zt(e,n,t),value:{},values:[],sharedPrefix:f,toString(){return`enum ${this.typeName}`}};h.open=iu(h),r.add(h);for(let g of e.
value){let w=g.name,E={kind:"enum_value",proto:g,deprecated:(i=(a=g.options)===null||a===void 0?void 0:a.deprecated)!==null&&i!==void 0?i:!1,parent:h,name:w,localName:ke(
f==null?w:w.substring(f.length)),number:g.number,jsonName:(c=tu(g))!==null&&c!==void 0?c:w,toString(){return`enum value ${h.typeName}.${w}`}};h.values.push(E),(u=
(p=h.value)[d=g.number])!==null&&u!==void 0||(p[d]=E)}((m=n?.nestedEnums)!==null&&m!==void 0?m:t.enums).push(h)}function As(e,t,n,r,o){var s,a,i,c;let u={kind:"\
message",proto:e,deprecated:(a=(s=e.options)===null||s===void 0?void 0:s.deprecated)!==null&&a!==void 0?a:!1,file:t,parent:n,name:e.name,typeName:Zt(e,n,t),fields:[],
field:{},oneofs:[],members:[],nestedEnums:[],nestedMessages:[],nestedExtensions:[],toString(){return`message ${this.typeName}`}};((i=e.options)===null||i===void 0?
void 0:i.mapEntry)===!0?o.add(u):(((c=n?.nestedMessages)!==null&&c!==void 0?c:t.messages).push(u),r.add(u));for(let m of e.enumType)_s(m,t,u,r);for(let m of e.nestedType)
As(m,t,u,r,o)}function Xc(e,t,n){var r,o;let s={kind:"service",proto:e,deprecated:(o=(r=e.options)===null||r===void 0?void 0:r.deprecated)!==null&&o!==void 0?o:
!1,file:t,name:e.name,typeName:Zt(e,void 0,t),methods:[],method:{},toString(){return`service ${this.typeName}`}};t.services.push(s),n.add(s);for(let a of e.method){
let i=Zc(a,s,n);s.methods.push(i),s.method[i.localName]=i}}function Zc(e,t,n){var r,o,s,a;let i;e.clientStreaming&&e.serverStreaming?i="bidi_streaming":e.clientStreaming?
i="client_streaming":e.serverStreaming?i="server_streaming":i="unary";let c=n.getMessage(me(e.inputType)),u=n.getMessage(me(e.outputType));Q(c,`invalid MethodDe\
scriptorProto: input_type ${e.inputType} not found`),Q(u,`invalid MethodDescriptorProto: output_type ${e.inputType} not found`);let m=e.name;return{kind:"rpc",proto:e,
deprecated:(o=(r=e.options)===null||r===void 0?void 0:r.deprecated)!==null&&o!==void 0?o:!1,parent:t,name:m,localName:ke(m.length?ke(m[0].toLowerCase()+m.substring(
1)):m),methodKind:i,input:c,output:u,idempotency:(a=(s=e.options)===null||s===void 0?void 0:s.idempotencyLevel)!==null&&a!==void 0?a:Wc,toString(){return`rpc ${t.
typeName}.${m}`}}}function zc(e,t){return{kind:"oneof",proto:e,deprecated:!1,parent:t,fields:[],name:e.name,localName:ke(q(e.name)),toString(){return`oneof ${t.
typeName}.${this.name}`}}}function Sr(e,t,n,r,o){var s,a,i;let c=o===void 0,u={kind:"field",proto:e,deprecated:(a=(s=e.options)===null||s===void 0?void 0:s.deprecated)!==
null&&a!==void 0?a:!1,name:e.name,number:e.number,scalar:void 0,message:void 0,enum:void 0,presence:ou(e,r,c,t),utf8Validation:cu(e,t),listKind:void 0,mapKind:void 0,
mapKey:void 0,delimitedEncoding:void 0,packed:void 0,longAsString:!1,getDefaultValue:void 0},m;if(c){let h=t.kind=="file"?t:t.file,g=t.kind=="file"?void 0:t,w=Zt(
e,g,h);u.kind="extension",u.file=h,u.parent=g,u.oneof=void 0,u.typeName=w,u.jsonName=`[${w}]`,m=()=>`extension ${w}`;let E=n.getMessage(me(e.extendee));Q(E,`inv\
alid FieldDescriptorProto: extendee ${e.extendee} not found`),u.extendee=E}else{let h=t;Q(h.kind=="message"),u.parent=h,u.oneof=r,u.localName=r?q(e.name):ke(q(e.
name)),u.jsonName=e.jsonName,m=()=>`field ${h.typeName}.${e.name}`}Object.defineProperty(u,"toString",{value:m,writable:!0,enumerable:!0,configurable:!0});let p=e.
label,d=e.type,f=(i=e.options)===null||i===void 0?void 0:i.jstype;if(p===xr){let h=d==yt?o?.get(me(e.typeName)):void 0;if(h){u.fieldKind="map";let{key:g,value:w}=au(
h);return u.mapKey=g.scalar,u.mapKind=w.fieldKind,u.message=w.message,u.delimitedEncoding=!1,u.enum=w.enum,u.scalar=w.scalar,u}switch(u.fieldKind="list",d){case yt:case bt:
u.listKind="message",u.message=n.getMessage(me(e.typeName)),Q(u.message),u.delimitedEncoding=Ss(e,t);break;case ws:u.listKind="enum",u.enum=n.getEnum(me(e.typeName)),
Q(u.enum);break;default:u.listKind="scalar",u.scalar=d,u.longAsString=f==Es;break}return u.packed=su(e,t),u}switch(d){case yt:case bt:u.fieldKind="message",u.message=
n.getMessage(me(e.typeName)),Q(u.message,`invalid FieldDescriptorProto: type_name ${e.typeName} not found`),u.delimitedEncoding=Ss(e,t),u.getDefaultValue=()=>{};
break;case ws:{let h=n.getEnum(me(e.typeName));Q(h!==void 0,`invalid FieldDescriptorProto: type_name ${e.typeName} not found`),u.fieldKind="enum",u.enum=n.getEnum(
me(e.typeName)),u.getDefaultValue=()=>Ee(e,"defaultValue")?bs(h,e.defaultValue):void 0;break}default:{u.fieldKind="scalar",u.scalar=d,u.longAsString=f==Es,u.getDefaultValue=
()=>Ee(e,"defaultValue")?gs(d,e.defaultValue):void 0;break}}return u}function qc(e){switch(e.syntax){case"":case"proto2":return Pc;case"proto3":return Fc;case"e\
ditions":if(e.edition===$c)return Is;if(e.edition in Os)return e.edition;throw new Error(`${e.name}: unsupported edition`);default:throw new Error(`${e.name}: u\
nsupported syntax "${e.syntax}"`)}}function Qc(e,t){return e.dependency.map(n=>{let r=t.getFile(n);if(!r)throw new Error(`Cannot find ${n}, imported by ${e.name}`);
return r})}function eu(e,t){let n=nu(e)+"_";for(let r of t){if(!r.name.toLowerCase().startsWith(n))return;let o=r.name.substring(n.length);if(o.length==0||/^\d/.
test(o))return}return n}function tu(e){var t,n;let s;for(let a of(n=(t=e.options)===null||t===void 0?void 0:t.$unknown)!==null&&n!==void 0?n:[]){if(a.no!==998||
a.wireType!==I.LengthDelimited)continue;let i=new re(new re(a.data).bytes());for(;i.pos<i.len;){let[c,u]=i.tag();c===1&&u===I.LengthDelimited?s=i.string():i.skip(
u,c)}}return s}function nu(e){return(e.substring(0,1)+e.substring(1).replace(/[A-Z]/g,t=>"_"+t)).toLowerCase()}function Zt(e,t,n){let r;return t?r=`${t.typeName}\
.${e.name}`:n.proto.package.length>0?r=`${n.proto.package}.${e.name}`:r=`${e.name}`,r}function me(e){return e.startsWith(".")?e.substring(1):e}function ru(e,t){
if(!Ee(e,"oneofIndex")||e.proto3Optional)return;let n=t[e.oneofIndex];return Q(n,`invalid FieldDescriptorProto: oneof #${e.oneofIndex} for field #${e.number} no\
t found`),n}function ou(e,t,n,r){if(e.label==Gc)return Yc;if(e.label==xr)return vs;if(t||e.proto3Optional||n)return Er;let o=ve("fieldPresence",{proto:e,parent:r});
return o==vs&&(e.type==yt||e.type==bt)?Er:o}function su(e,t){if(e.label!=xr)return!1;switch(e.type){case Vc:case Bc:case bt:case yt:return!1}let n=e.options;return n&&
Ee(n,"packed")?n.packed:Kc==ve("repeatedFieldEncoding",{proto:e,parent:t})}function au(e){let t=e.fields.find(r=>r.number===1),n=e.fields.find(r=>r.number===2);
return Q(t&&t.fieldKind=="scalar"&&t.scalar!=l.BYTES&&t.scalar!=l.FLOAT&&t.scalar!=l.DOUBLE&&n&&n.fieldKind!="list"&&n.fieldKind!="map"),{key:t,value:n}}function iu(e){
var t;return Jc==ve("enumType",{proto:e.proto,parent:(t=e.parent)!==null&&t!==void 0?t:e.file})}function Ss(e,t){return e.type==bt?!0:Hc==ve("messageEncoding",{
proto:e,parent:t})}function cu(e,t){return jc==ve("utf8Validation",{proto:e,parent:t})}function ve(e,t){var n,r;let o=(n=t.proto.options)===null||n===void 0?void 0:
n.features;if(o){let s=o[e];if(s!=0)return s}if("kind"in t){if(t.kind=="message")return ve(e,(r=t.parent)!==null&&r!==void 0?r:t.file);let s=Os[t.edition];if(!s)
throw new Error(`feature default for edition ${t.edition} not found`);return s[e]}return ve(e,t.parent)}function Q(e,t){if(!e)throw new Error(t)}function Cs(e){let t=uu(e);return t.messageType.forEach(ht),Xt(t,()=>{}).getFile(t.name)}function uu(e){return Object.assign(Object.create({syntax:"",edition:0}),
Object.assign(Object.assign({$typeName:"google.protobuf.FileDescriptorProto",dependency:[],publicDependency:[],weakDependency:[],optionDependency:[],service:[],
extension:[]},e),{messageType:e.messageType.map(Ls),enumType:e.enumType.map(Rs)}))}function Ls(e){var t,n,r,o,s,a,i,c;return Object.assign(Object.create({visibility:0}),
{$typeName:"google.protobuf.DescriptorProto",name:e.name,field:(n=(t=e.field)===null||t===void 0?void 0:t.map(lu))!==null&&n!==void 0?n:[],extension:[],nestedType:(o=
(r=e.nestedType)===null||r===void 0?void 0:r.map(Ls))!==null&&o!==void 0?o:[],enumType:(a=(s=e.enumType)===null||s===void 0?void 0:s.map(Rs))!==null&&a!==void 0?
a:[],extensionRange:(c=(i=e.extensionRange)===null||i===void 0?void 0:i.map(m=>Object.assign({$typeName:"google.protobuf.DescriptorProto.ExtensionRange"},m)))!==
null&&c!==void 0?c:[],oneofDecl:[],reservedRange:[],reservedName:[]})}function lu(e){return Object.assign(Object.create({label:1,typeName:"",extendee:"",defaultValue:"",
oneofIndex:0,jsonName:"",proto3Optional:!1}),Object.assign(Object.assign({$typeName:"google.protobuf.FieldDescriptorProto"},e),{options:e.options?mu(e.options):
void 0}))}function mu(e){var t,n,r;return Object.assign(Object.create({ctype:0,packed:!1,jstype:0,lazy:!1,unverifiedLazy:!1,deprecated:!1,weak:!1,debugRedact:!1,
retention:0}),Object.assign(Object.assign({$typeName:"google.protobuf.FieldOptions"},e),{targets:(t=e.targets)!==null&&t!==void 0?t:[],editionDefaults:(r=(n=e.editionDefaults)===
null||n===void 0?void 0:n.map(s=>Object.assign({$typeName:"google.protobuf.FieldOptions.EditionDefault"},s)))!==null&&r!==void 0?r:[],uninterpretedOption:[]}))}
function Rs(e){return Object.assign(Object.create({visibility:0}),{$typeName:"google.protobuf.EnumDescriptorProto",name:e.name,reservedName:[],reservedRange:[],
value:e.value.map(n=>Object.assign({$typeName:"google.protobuf.EnumValueDescriptorProto"},n))})}function se(e,t,...n){return n.reduce((r,o)=>r.nestedMessages[o],e.messages[t])}var Ir=Cs({name:"google/protobuf/descriptor.proto",package:"google.protobuf",messageType:[{name:"FileDescriptorSet",field:[{name:"file",number:1,type:11,label:3,
typeName:".google.protobuf.FileDescriptorProto"}],extensionRange:[{start:536e6,end:536000001}]},{name:"FileDescriptorProto",field:[{name:"name",number:1,type:9,
label:1},{name:"package",number:2,type:9,label:1},{name:"dependency",number:3,type:9,label:3},{name:"public_dependency",number:10,type:5,label:3},{name:"weak_de\
pendency",number:11,type:5,label:3},{name:"option_dependency",number:15,type:9,label:3},{name:"message_type",number:4,type:11,label:3,typeName:".google.protobuf\
.DescriptorProto"},{name:"enum_type",number:5,type:11,label:3,typeName:".google.protobuf.EnumDescriptorProto"},{name:"service",number:6,type:11,label:3,typeName:"\
.google.protobuf.ServiceDescriptorProto"},{name:"extension",number:7,type:11,label:3,typeName:".google.protobuf.FieldDescriptorProto"},{name:"options",number:8,
type:11,label:1,typeName:".google.protobuf.FileOptions"},{name:"source_code_info",number:9,type:11,label:1,typeName:".google.protobuf.SourceCodeInfo"},{name:"sy\
ntax",number:12,type:9,label:1},{name:"edition",number:14,type:14,label:1,typeName:".google.protobuf.Edition"}]},{name:"DescriptorProto",field:[{name:"name",number:1,
type:9,label:1},{name:"field",number:2,type:11,label:3,typeName:".google.protobuf.FieldDescriptorProto"},{name:"extension",number:6,type:11,label:3,typeName:".g\
oogle.protobuf.FieldDescriptorProto"},{name:"nested_type",number:3,type:11,label:3,typeName:".google.protobuf.DescriptorProto"},{name:"enum_type",number:4,type:11,
label:3,typeName:".google.protobuf.EnumDescriptorProto"},{name:"extension_range",number:5,type:11,label:3,typeName:".google.protobuf.DescriptorProto.ExtensionRa\
nge"},{name:"oneof_decl",number:8,type:11,label:3,typeName:".google.protobuf.OneofDescriptorProto"},{name:"options",number:7,type:11,label:1,typeName:".google.p\
rotobuf.MessageOptions"},{name:"reserved_range",number:9,type:11,label:3,typeName:".google.protobuf.DescriptorProto.ReservedRange"},{name:"reserved_name",number:10,
type:9,label:3},{name:"visibility",number:11,type:14,label:1,typeName:".google.protobuf.SymbolVisibility"}],nestedType:[{name:"ExtensionRange",field:[{name:"sta\
rt",number:1,type:5,label:1},{name:"end",number:2,type:5,label:1},{name:"options",number:3,type:11,label:1,typeName:".google.protobuf.ExtensionRangeOptions"}]},
{name:"ReservedRange",field:[{name:"start",number:1,type:5,label:1},{name:"end",number:2,type:5,label:1}]}]},{name:"ExtensionRangeOptions",field:[{name:"uninter\
preted_option",number:999,type:11,label:3,typeName:".google.protobuf.UninterpretedOption"},{name:"declaration",number:2,type:11,label:3,typeName:".google.protob\
uf.ExtensionRangeOptions.Declaration",options:{retention:2}},{name:"features",number:50,type:11,label:1,typeName:".google.protobuf.FeatureSet"},{name:"verificat\
ion",number:3,type:14,label:1,typeName:".google.protobuf.ExtensionRangeOptions.VerificationState",defaultValue:"UNVERIFIED",options:{retention:2}}],nestedType:[
{name:"Declaration",field:[{name:"number",number:1,type:5,label:1},{name:"full_name",number:2,type:9,label:1},{name:"type",number:3,type:9,label:1},{name:"reser\
ved",number:5,type:8,label:1},{name:"repeated",number:6,type:8,label:1}]}],enumType:[{name:"VerificationState",value:[{name:"DECLARATION",number:0},{name:"UNVER\
IFIED",number:1}]}],extensionRange:[{start:990,end:999},{start:1e3,end:536870912}]},{name:"FieldDescriptorProto",field:[{name:"name",number:1,type:9,label:1},{name:"\
number",number:3,type:5,label:1},{name:"label",number:4,type:14,label:1,typeName:".google.protobuf.FieldDescriptorProto.Label"},{name:"type",number:5,type:14,label:1,
typeName:".google.protobuf.FieldDescriptorProto.Type"},{name:"type_name",number:6,type:9,label:1},{name:"extendee",number:2,type:9,label:1},{name:"default_value",
number:7,type:9,label:1},{name:"oneof_index",number:9,type:5,label:1},{name:"json_name",number:10,type:9,label:1},{name:"options",number:8,type:11,label:1,typeName:"\
.google.protobuf.FieldOptions"},{name:"proto3_optional",number:17,type:8,label:1}],enumType:[{name:"Type",value:[{name:"TYPE_DOUBLE",number:1},{name:"TYPE_FLOAT",
number:2},{name:"TYPE_INT64",number:3},{name:"TYPE_UINT64",number:4},{name:"TYPE_INT32",number:5},{name:"TYPE_FIXED64",number:6},{name:"TYPE_FIXED32",number:7},
{name:"TYPE_BOOL",number:8},{name:"TYPE_STRING",number:9},{name:"TYPE_GROUP",number:10},{name:"TYPE_MESSAGE",number:11},{name:"TYPE_BYTES",number:12},{name:"TYP\
E_UINT32",number:13},{name:"TYPE_ENUM",number:14},{name:"TYPE_SFIXED32",number:15},{name:"TYPE_SFIXED64",number:16},{name:"TYPE_SINT32",number:17},{name:"TYPE_S\
INT64",number:18}]},{name:"Label",value:[{name:"LABEL_OPTIONAL",number:1},{name:"LABEL_REPEATED",number:3},{name:"LABEL_REQUIRED",number:2}]}]},{name:"OneofDesc\
riptorProto",field:[{name:"name",number:1,type:9,label:1},{name:"options",number:2,type:11,label:1,typeName:".google.protobuf.OneofOptions"}]},{name:"EnumDescri\
ptorProto",field:[{name:"name",number:1,type:9,label:1},{name:"value",number:2,type:11,label:3,typeName:".google.protobuf.EnumValueDescriptorProto"},{name:"opti\
ons",number:3,type:11,label:1,typeName:".google.protobuf.EnumOptions"},{name:"reserved_range",number:4,type:11,label:3,typeName:".google.protobuf.EnumDescriptor\
Proto.EnumReservedRange"},{name:"reserved_name",number:5,type:9,label:3},{name:"visibility",number:6,type:14,label:1,typeName:".google.protobuf.SymbolVisibility"}],
nestedType:[{name:"EnumReservedRange",field:[{name:"start",number:1,type:5,label:1},{name:"end",number:2,type:5,label:1}]}]},{name:"EnumValueDescriptorProto",field:[
{name:"name",number:1,type:9,label:1},{name:"number",number:2,type:5,label:1},{name:"options",number:3,type:11,label:1,typeName:".google.protobuf.EnumValueOptio\
ns"}]},{name:"ServiceDescriptorProto",field:[{name:"name",number:1,type:9,label:1},{name:"method",number:2,type:11,label:3,typeName:".google.protobuf.MethodDesc\
riptorProto"},{name:"options",number:3,type:11,label:1,typeName:".google.protobuf.ServiceOptions"}]},{name:"MethodDescriptorProto",field:[{name:"name",number:1,
type:9,label:1},{name:"input_type",number:2,type:9,label:1},{name:"output_type",number:3,type:9,label:1},{name:"options",number:4,type:11,label:1,typeName:".goo\
gle.protobuf.MethodOptions"},{name:"client_streaming",number:5,type:8,label:1,defaultValue:"false"},{name:"server_streaming",number:6,type:8,label:1,defaultValue:"\
false"}]},{name:"FileOptions",field:[{name:"java_package",number:1,type:9,label:1},{name:"java_outer_classname",number:8,type:9,label:1},{name:"java_multiple_fi\
les",number:10,type:8,label:1,defaultValue:"false",options:{}},{name:"java_generate_equals_and_hash",number:20,type:8,label:1,options:{deprecated:!0}},{name:"ja\
va_string_check_utf8",number:27,type:8,label:1,defaultValue:"false"},{name:"optimize_for",number:9,type:14,label:1,typeName:".google.protobuf.FileOptions.Optimi\
zeMode",defaultValue:"SPEED"},{name:"go_package",number:11,type:9,label:1},{name:"cc_generic_services",number:16,type:8,label:1,defaultValue:"false"},{name:"jav\
a_generic_services",number:17,type:8,label:1,defaultValue:"false"},{name:"py_generic_services",number:18,type:8,label:1,defaultValue:"false"},{name:"deprecated",
number:23,type:8,label:1,defaultValue:"false"},{name:"cc_enable_arenas",number:31,type:8,label:1,defaultValue:"true",options:{}},{name:"objc_class_prefix",number:36,
type:9,label:1},{name:"csharp_namespace",number:37,type:9,label:1},{name:"swift_prefix",number:39,type:9,label:1},{name:"php_class_prefix",number:40,type:9,label:1},
{name:"php_namespace",number:41,type:9,label:1},{name:"php_metadata_namespace",number:44,type:9,label:1},{name:"ruby_package",number:45,type:9,label:1},{name:"f\
eatures",number:50,type:11,label:1,typeName:".google.protobuf.FeatureSet"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.Un\
interpretedOption"}],enumType:[{name:"OptimizeMode",value:[{name:"SPEED",number:1},{name:"CODE_SIZE",number:2},{name:"LITE_RUNTIME",number:3}]}],extensionRange:[
{start:990,end:999},{start:1e3,end:536870912}]},{name:"MessageOptions",field:[{name:"message_set_wire_format",number:1,type:8,label:1,defaultValue:"false"},{name:"\
no_standard_descriptor_accessor",number:2,type:8,label:1,defaultValue:"false"},{name:"deprecated",number:3,type:8,label:1,defaultValue:"false"},{name:"map_entry",
number:7,type:8,label:1},{name:"deprecated_legacy_json_field_conflicts",number:11,type:8,label:1,options:{deprecated:!0}},{name:"features",number:12,type:11,label:1,
typeName:".google.protobuf.FeatureSet"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.UninterpretedOption"}],extensionRange:[
{start:990,end:999},{start:1e3,end:536870912}]},{name:"FieldOptions",field:[{name:"ctype",number:1,type:14,label:1,typeName:".google.protobuf.FieldOptions.CType",
defaultValue:"STRING"},{name:"packed",number:2,type:8,label:1},{name:"jstype",number:6,type:14,label:1,typeName:".google.protobuf.FieldOptions.JSType",defaultValue:"\
JS_NORMAL"},{name:"lazy",number:5,type:8,label:1,defaultValue:"false"},{name:"unverified_lazy",number:15,type:8,label:1,defaultValue:"false"},{name:"deprecated",
number:3,type:8,label:1,defaultValue:"false"},{name:"weak",number:10,type:8,label:1,defaultValue:"false",options:{deprecated:!0}},{name:"debug_redact",number:16,
type:8,label:1,defaultValue:"false"},{name:"retention",number:17,type:14,label:1,typeName:".google.protobuf.FieldOptions.OptionRetention"},{name:"targets",number:19,
type:14,label:3,typeName:".google.protobuf.FieldOptions.OptionTargetType"},{name:"edition_defaults",number:20,type:11,label:3,typeName:".google.protobuf.FieldOp\
tions.EditionDefault"},{name:"features",number:21,type:11,label:1,typeName:".google.protobuf.FeatureSet"},{name:"feature_support",number:22,type:11,label:1,typeName:"\
.google.protobuf.FieldOptions.FeatureSupport"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.UninterpretedOption"}],nestedType:[
{name:"EditionDefault",field:[{name:"edition",number:3,type:14,label:1,typeName:".google.protobuf.Edition"},{name:"value",number:2,type:9,label:1}]},{name:"Feat\
ureSupport",field:[{name:"edition_introduced",number:1,type:14,label:1,typeName:".google.protobuf.Edition"},{name:"edition_deprecated",number:2,type:14,label:1,
typeName:".google.protobuf.Edition"},{name:"deprecation_warning",number:3,type:9,label:1},{name:"edition_removed",number:4,type:14,label:1,typeName:".google.pro\
tobuf.Edition"},{name:"removal_error",number:5,type:9,label:1}]}],enumType:[{name:"CType",value:[{name:"STRING",number:0},{name:"CORD",number:1},{name:"STRING_P\
IECE",number:2}]},{name:"JSType",value:[{name:"JS_NORMAL",number:0},{name:"JS_STRING",number:1},{name:"JS_NUMBER",number:2}]},{name:"OptionRetention",value:[{name:"\
RETENTION_UNKNOWN",number:0},{name:"RETENTION_RUNTIME",number:1},{name:"RETENTION_SOURCE",number:2}]},{name:"OptionTargetType",value:[{name:"TARGET_TYPE_UNKNOWN",
number:0},{name:"TARGET_TYPE_FILE",number:1},{name:"TARGET_TYPE_EXTENSION_RANGE",number:2},{name:"TARGET_TYPE_MESSAGE",number:3},{name:"TARGET_TYPE_FIELD",number:4},
{name:"TARGET_TYPE_ONEOF",number:5},{name:"TARGET_TYPE_ENUM",number:6},{name:"TARGET_TYPE_ENUM_ENTRY",number:7},{name:"TARGET_TYPE_SERVICE",number:8},{name:"TAR\
GET_TYPE_METHOD",number:9}]}],extensionRange:[{start:990,end:999},{start:1e3,end:536870912}]},{name:"OneofOptions",field:[{name:"features",number:1,type:11,label:1,
typeName:".google.protobuf.FeatureSet"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.UninterpretedOption"}],extensionRange:[
{start:990,end:999},{start:1e3,end:536870912}]},{name:"EnumOptions",field:[{name:"allow_alias",number:2,type:8,label:1},{name:"deprecated",number:3,type:8,label:1,
defaultValue:"false"},{name:"deprecated_legacy_json_field_conflicts",number:6,type:8,label:1,options:{deprecated:!0}},{name:"features",number:7,type:11,label:1,
typeName:".google.protobuf.FeatureSet"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.UninterpretedOption"}],extensionRange:[
{start:990,end:999},{start:1e3,end:536870912}]},{name:"EnumValueOptions",field:[{name:"deprecated",number:1,type:8,label:1,defaultValue:"false"},{name:"features",
number:2,type:11,label:1,typeName:".google.protobuf.FeatureSet"},{name:"debug_redact",number:3,type:8,label:1,defaultValue:"false"},{name:"feature_support",number:4,
type:11,label:1,typeName:".google.protobuf.FieldOptions.FeatureSupport"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:".google.protobuf.Unin\
terpretedOption"}],extensionRange:[{start:990,end:999},{start:1e3,end:536870912}]},{name:"ServiceOptions",field:[{name:"features",number:34,type:11,label:1,typeName:"\
.google.protobuf.FeatureSet"},{name:"deprecated",number:33,type:8,label:1,defaultValue:"false"},{name:"uninterpreted_option",number:999,type:11,label:3,typeName:"\
.google.protobuf.UninterpretedOption"}],extensionRange:[{start:990,end:999},{start:1e3,end:536870912}]},{name:"MethodOptions",field:[{name:"deprecated",number:33,
type:8,label:1,defaultValue:"false"},{name:"idempotency_level",number:34,type:14,label:1,typeName:".google.protobuf.MethodOptions.IdempotencyLevel",defaultValue:"\
IDEMPOTENCY_UNKNOWN"},{name:"features",number:35,type:11,label:1,typeName:".google.protobuf.FeatureSet"},{name:"uninterpreted_option",number:999,type:11,label:3,
typeName:".google.protobuf.UninterpretedOption"}],enumType:[{name:"IdempotencyLevel",value:[{name:"IDEMPOTENCY_UNKNOWN",number:0},{name:"NO_SIDE_EFFECTS",number:1},
{name:"IDEMPOTENT",number:2}]}],extensionRange:[{start:990,end:999},{start:1e3,end:536870912}]},{name:"UninterpretedOption",field:[{name:"name",number:2,type:11,
label:3,typeName:".google.protobuf.UninterpretedOption.NamePart"},{name:"identifier_value",number:3,type:9,label:1},{name:"positive_int_value",number:4,type:4,label:1},
{name:"negative_int_value",number:5,type:3,label:1},{name:"double_value",number:6,type:1,label:1},{name:"string_value",number:7,type:12,label:1},{name:"aggregat\
e_value",number:8,type:9,label:1}],nestedType:[{name:"NamePart",field:[{name:"name_part",number:1,type:9,label:2},{name:"is_extension",number:2,type:8,label:2}]}]},
{name:"FeatureSet",field:[{name:"field_presence",number:1,type:14,label:1,typeName:".google.protobuf.FeatureSet.FieldPresence",options:{retention:1,targets:[4,1],
editionDefaults:[{value:"EXPLICIT",edition:900},{value:"IMPLICIT",edition:999},{value:"EXPLICIT",edition:1e3}]}},{name:"enum_type",number:2,type:14,label:1,typeName:"\
.google.protobuf.FeatureSet.EnumType",options:{retention:1,targets:[6,1],editionDefaults:[{value:"CLOSED",edition:900},{value:"OPEN",edition:999}]}},{name:"repe\
ated_field_encoding",number:3,type:14,label:1,typeName:".google.protobuf.FeatureSet.RepeatedFieldEncoding",options:{retention:1,targets:[4,1],editionDefaults:[{
value:"EXPANDED",edition:900},{value:"PACKED",edition:999}]}},{name:"utf8_validation",number:4,type:14,label:1,typeName:".google.protobuf.FeatureSet.Utf8Validat\
ion",options:{retention:1,targets:[4,1],editionDefaults:[{value:"NONE",edition:900},{value:"VERIFY",edition:999}]}},{name:"message_encoding",number:5,type:14,label:1,
typeName:".google.protobuf.FeatureSet.MessageEncoding",options:{retention:1,targets:[4,1],editionDefaults:[{value:"LENGTH_PREFIXED",edition:900}]}},{name:"json_\
format",number:6,type:14,label:1,typeName:".google.protobuf.FeatureSet.JsonFormat",options:{retention:1,targets:[3,6,1],editionDefaults:[{value:"LEGACY_BEST_EFF\
ORT",edition:900},{value:"ALLOW",edition:999}]}},{name:"enforce_naming_style",number:7,type:14,label:1,typeName:".google.protobuf.FeatureSet.EnforceNamingStyle",
options:{retention:2,targets:[1,2,3,4,5,6,7,8,9],editionDefaults:[{value:"STYLE_LEGACY",edition:900},{value:"STYLE2024",edition:1001},{value:"STYLE2026",edition:1002}]}},
{name:"default_symbol_visibility",number:8,type:14,label:1,typeName:".google.protobuf.FeatureSet.VisibilityFeature.DefaultSymbolVisibility",options:{retention:2,
targets:[1],editionDefaults:[{value:"EXPORT_ALL",edition:900},{value:"EXPORT_TOP_LEVEL",edition:1001},{value:"STRICT",edition:1002}]}},{name:"enforce_proto_limi\
ts",number:9,type:14,label:1,typeName:".google.protobuf.FeatureSet.ProtoLimitsFeature.EnforceProtoLimits",options:{retention:2,targets:[6,3,4,5],editionDefaults:[
{value:"LEGACY_NO_EXPLICIT_LIMITS",edition:900},{value:"PROTO_LIMITS2026",edition:1002}]}}],nestedType:[{name:"VisibilityFeature",enumType:[{name:"DefaultSymbol\
Visibility",value:[{name:"DEFAULT_SYMBOL_VISIBILITY_UNKNOWN",number:0},{name:"EXPORT_ALL",number:1},{name:"EXPORT_TOP_LEVEL",number:2},{name:"LOCAL_ALL",number:3},
{name:"STRICT",number:4}]}]},{name:"ProtoLimitsFeature",enumType:[{name:"EnforceProtoLimits",value:[{name:"PROTO_LIMITS_UNKNOWN",number:0},{name:"LEGACY_NO_EXPL\
ICIT_LIMITS",number:1},{name:"PROTO_LIMITS2026",number:2}]}]}],enumType:[{name:"FieldPresence",value:[{name:"FIELD_PRESENCE_UNKNOWN",number:0},{name:"EXPLICIT",
number:1},{name:"IMPLICIT",number:2},{name:"LEGACY_REQUIRED",number:3}]},{name:"EnumType",value:[{name:"ENUM_TYPE_UNKNOWN",number:0},{name:"OPEN",number:1},{name:"\
CLOSED",number:2}]},{name:"RepeatedFieldEncoding",value:[{name:"REPEATED_FIELD_ENCODING_UNKNOWN",number:0},{name:"PACKED",number:1},{name:"EXPANDED",number:2}]},
{name:"Utf8Validation",value:[{name:"UTF8_VALIDATION_UNKNOWN",number:0},{name:"VERIFY",number:2},{name:"NONE",number:3}]},{name:"MessageEncoding",value:[{name:"\
MESSAGE_ENCODING_UNKNOWN",number:0},{name:"LENGTH_PREFIXED",number:1},{name:"DELIMITED",number:2}]},{name:"JsonFormat",value:[{name:"JSON_FORMAT_UNKNOWN",number:0},
{name:"ALLOW",number:1},{name:"LEGACY_BEST_EFFORT",number:2}]},{name:"EnforceNamingStyle",value:[{name:"ENFORCE_NAMING_STYLE_UNKNOWN",number:0},{name:"STYLE2024",
number:1},{name:"STYLE_LEGACY",number:2},{name:"STYLE2026",number:3}]}],extensionRange:[{start:1e3,end:9995},{start:9995,end:1e4},{start:1e4,end:10001}]},{name:"\
FeatureSetDefaults",field:[{name:"defaults",number:1,type:11,label:3,typeName:".google.protobuf.FeatureSetDefaults.FeatureSetEditionDefault"},{name:"minimum_edi\
tion",number:4,type:14,label:1,typeName:".google.protobuf.Edition"},{name:"maximum_edition",number:5,type:14,label:1,typeName:".google.protobuf.Edition"}],nestedType:[
{name:"FeatureSetEditionDefault",field:[{name:"edition",number:3,type:14,label:1,typeName:".google.protobuf.Edition"},{name:"overridable_features",number:4,type:11,
label:1,typeName:".google.protobuf.FeatureSet"},{name:"fixed_features",number:5,type:11,label:1,typeName:".google.protobuf.FeatureSet"}]}]},{name:"SourceCodeInf\
o",field:[{name:"location",number:1,type:11,label:3,typeName:".google.protobuf.SourceCodeInfo.Location"}],nestedType:[{name:"Location",field:[{name:"path",number:1,
type:5,label:3,options:{packed:!0}},{name:"span",number:2,type:5,label:3,options:{packed:!0}},{name:"leading_comments",number:3,type:9,label:1},{name:"trailing_\
comments",number:4,type:9,label:1},{name:"leading_detached_comments",number:6,type:9,label:3}]}],extensionRange:[{start:536e6,end:536000001}]},{name:"GeneratedC\
odeInfo",field:[{name:"annotation",number:1,type:11,label:3,typeName:".google.protobuf.GeneratedCodeInfo.Annotation"}],nestedType:[{name:"Annotation",field:[{name:"\
path",number:1,type:5,label:3,options:{packed:!0}},{name:"source_file",number:2,type:9,label:1},{name:"begin",number:3,type:5,label:1},{name:"end",number:4,type:5,
label:1},{name:"semantic",number:5,type:14,label:1,typeName:".google.protobuf.GeneratedCodeInfo.Annotation.Semantic"}],enumType:[{name:"Semantic",value:[{name:"\
NONE",number:0},{name:"SET",number:1},{name:"ALIAS",number:2}]}]}]}],enumType:[{name:"Edition",value:[{name:"EDITION_UNKNOWN",number:0},{name:"EDITION_LEGACY",number:900},
{name:"EDITION_PROTO2",number:998},{name:"EDITION_PROTO3",number:999},{name:"EDITION_2023",number:1e3},{name:"EDITION_2024",number:1001},{name:"EDITION_2026",number:1002},
{name:"EDITION_UNSTABLE",number:9999},{name:"EDITION_1_TEST_ONLY",number:1},{name:"EDITION_2_TEST_ONLY",number:2},{name:"EDITION_99997_TEST_ONLY",number:99997},
{name:"EDITION_99998_TEST_ONLY",number:99998},{name:"EDITION_99999_TEST_ONLY",number:99999},{name:"EDITION_MAX",number:2147483647}]},{name:"SymbolVisibility",value:[
{name:"VISIBILITY_UNSET",number:0},{name:"VISIBILITY_LOCAL",number:1},{name:"VISIBILITY_EXPORT",number:2}]}]});var De=se(Ir,1);var ks;(function(e){e[e.DECLARATION=0]="DECLARATION",e[e.UNVERIFIED=1]="UNVERIFIED"})(ks||(ks={}));var Ds;(function(e){e[e.DOUBLE=1]="DOUBLE",e[e.FLOAT=2]="FLOAT",e[e.INT64=3]="INT64",e[e.UINT64=4]="UINT64",e[e.INT32=5]="INT32",e[e.FIXED64=6]="FIXED64",e[e.FIXED32=
7]="FIXED32",e[e.BOOL=8]="BOOL",e[e.STRING=9]="STRING",e[e.GROUP=10]="GROUP",e[e.MESSAGE=11]="MESSAGE",e[e.BYTES=12]="BYTES",e[e.UINT32=13]="UINT32",e[e.ENUM=14]=
"ENUM",e[e.SFIXED32=15]="SFIXED32",e[e.SFIXED64=16]="SFIXED64",e[e.SINT32=17]="SINT32",e[e.SINT64=18]="SINT64"})(Ds||(Ds={}));var Us;(function(e){e[e.OPTIONAL=1]="OPTIONAL",e[e.REPEATED=3]="REPEATED",e[e.REQUIRED=2]="REQUIRED"})(Us||(Us={}));var Ms;(function(e){e[e.SPEED=1]="SPEED",e[e.CODE_SIZE=2]="CODE_SIZE",e[e.LITE_RUNTIME=3]="LITE_RUNTIME"})(Ms||(Ms={}));var Ps;(function(e){e[e.STRING=0]="STRING",e[e.CORD=1]="CORD",e[e.STRING_PIECE=2]="STRING_PIECE"})(Ps||(Ps={}));var Fs;(function(e){e[e.JS_NORMAL=0]="JS_NORMAL",e[e.JS_STRING=1]="JS_STRING",e[e.JS_NUMBER=2]="JS_NUMBER"})(Fs||(Fs={}));var $s;(function(e){e[e.RETENTION_UNKNOWN=0]="RETENTION_UNKNOWN",e[e.RETENTION_RUNTIME=1]="RETENTION_RUNTIME",e[e.RETENTION_SOURCE=2]="RETENTION_SOURCE"})($s||($s=
{}));var Vs;(function(e){e[e.TARGET_TYPE_UNKNOWN=0]="TARGET_TYPE_UNKNOWN",e[e.TARGET_TYPE_FILE=1]="TARGET_TYPE_FILE",e[e.TARGET_TYPE_EXTENSION_RANGE=2]="TARGET_TYPE_\
EXTENSION_RANGE",e[e.TARGET_TYPE_MESSAGE=3]="TARGET_TYPE_MESSAGE",e[e.TARGET_TYPE_FIELD=4]="TARGET_TYPE_FIELD",e[e.TARGET_TYPE_ONEOF=5]="TARGET_TYPE_ONEOF",e[e.
TARGET_TYPE_ENUM=6]="TARGET_TYPE_ENUM",e[e.TARGET_TYPE_ENUM_ENTRY=7]="TARGET_TYPE_ENUM_ENTRY",e[e.TARGET_TYPE_SERVICE=8]="TARGET_TYPE_SERVICE",e[e.TARGET_TYPE_METHOD=
9]="TARGET_TYPE_METHOD"})(Vs||(Vs={}));var zt;(function(e){e[e.IDEMPOTENCY_UNKNOWN=0]="IDEMPOTENCY_UNKNOWN",e[e.NO_SIDE_EFFECTS=1]="NO_SIDE_EFFECTS",e[e.IDEMPOTENT=2]="IDEMPOTENT"})(zt||(zt={}));var Bs;(function(e){e[e.DEFAULT_SYMBOL_VISIBILITY_UNKNOWN=0]="DEFAULT_SYMBOL_VISIBILITY_UNKNOWN",e[e.EXPORT_ALL=1]="EXPORT_ALL",e[e.EXPORT_TOP_LEVEL=2]="EXPORT_\
TOP_LEVEL",e[e.LOCAL_ALL=3]="LOCAL_ALL",e[e.STRICT=4]="STRICT"})(Bs||(Bs={}));var Gs;(function(e){e[e.PROTO_LIMITS_UNKNOWN=0]="PROTO_LIMITS_UNKNOWN",e[e.LEGACY_NO_EXPLICIT_LIMITS=1]="LEGACY_NO_EXPLICIT_LIMITS",e[e.PROTO_LIMITS2026=2]="PRO\
TO_LIMITS2026"})(Gs||(Gs={}));var Ws;(function(e){e[e.FIELD_PRESENCE_UNKNOWN=0]="FIELD_PRESENCE_UNKNOWN",e[e.EXPLICIT=1]="EXPLICIT",e[e.IMPLICIT=2]="IMPLICIT",e[e.LEGACY_REQUIRED=3]="LEGACY_\
REQUIRED"})(Ws||(Ws={}));var Ys;(function(e){e[e.ENUM_TYPE_UNKNOWN=0]="ENUM_TYPE_UNKNOWN",e[e.OPEN=1]="OPEN",e[e.CLOSED=2]="CLOSED"})(Ys||(Ys={}));var Ks;(function(e){e[e.REPEATED_FIELD_ENCODING_UNKNOWN=0]="REPEATED_FIELD_ENCODING_UNKNOWN",e[e.PACKED=1]="PACKED",e[e.EXPANDED=2]="EXPANDED"})(Ks||(Ks={}));var Hs;(function(e){e[e.UTF8_VALIDATION_UNKNOWN=0]="UTF8_VALIDATION_UNKNOWN",e[e.VERIFY=2]="VERIFY",e[e.NONE=3]="NONE"})(Hs||(Hs={}));var Js;(function(e){e[e.MESSAGE_ENCODING_UNKNOWN=0]="MESSAGE_ENCODING_UNKNOWN",e[e.LENGTH_PREFIXED=1]="LENGTH_PREFIXED",e[e.DELIMITED=2]="DELIMITED"})(Js||(Js={}));var js;(function(e){e[e.JSON_FORMAT_UNKNOWN=0]="JSON_FORMAT_UNKNOWN",e[e.ALLOW=1]="ALLOW",e[e.LEGACY_BEST_EFFORT=2]="LEGACY_BEST_EFFORT"})(js||(js={}));var Xs;(function(e){e[e.ENFORCE_NAMING_STYLE_UNKNOWN=0]="ENFORCE_NAMING_STYLE_UNKNOWN",e[e.STYLE2024=1]="STYLE2024",e[e.STYLE_LEGACY=2]="STYLE_LEGACY",e[e.STYLE2026=
3]="STYLE2026"})(Xs||(Xs={}));var Zs;(function(e){e[e.NONE=0]="NONE",e[e.SET=1]="SET",e[e.ALIAS=2]="ALIAS"})(Zs||(Zs={}));var zs;(function(e){e[e.EDITION_UNKNOWN=0]="EDITION_UNKNOWN",e[e.EDITION_LEGACY=900]="EDITION_LEGACY",e[e.EDITION_PROTO2=998]="EDITION_PROTO2",e[e.EDITION_PROTO3=
999]="EDITION_PROTO3",e[e.EDITION_2023=1e3]="EDITION_2023",e[e.EDITION_2024=1001]="EDITION_2024",e[e.EDITION_2026=1002]="EDITION_2026",e[e.EDITION_UNSTABLE=9999]=
"EDITION_UNSTABLE",e[e.EDITION_1_TEST_ONLY=1]="EDITION_1_TEST_ONLY",e[e.EDITION_2_TEST_ONLY=2]="EDITION_2_TEST_ONLY",e[e.EDITION_99997_TEST_ONLY=99997]="EDITION\
_99997_TEST_ONLY",e[e.EDITION_99998_TEST_ONLY=99998]="EDITION_99998_TEST_ONLY",e[e.EDITION_99999_TEST_ONLY=99999]="EDITION_99999_TEST_ONLY",e[e.EDITION_MAX=2147483647]=
"EDITION_MAX"})(zs||(zs={}));var qs;(function(e){e[e.VISIBILITY_UNSET=0]="VISIBILITY_UNSET",e[e.VISIBILITY_LOCAL=1]="VISIBILITY_LOCAL",e[e.VISIBILITY_EXPORT=2]="VISIBILITY_EXPORT"})(qs||(qs=
{}));function Or(e){return Object.assign(Object.assign({readUnknownFields:!0,recursionLimit:100},e),{depth:0})}function H(e,t,n){let r=A(e);return _r(e).read(r,new re(
t),Or(n),t.byteLength),r}var Qs=new WeakMap;function _r(e){let t=Qs.get(e);return t===void 0&&(t=fu(e)),t}function fu(e){let t=String(e),n=new Map,r={read:du(t,n),readGroup:pu(t,n)};Qs.
set(e,r);for(let o of e.fields)n.set(o.number,ta(o));return r}function du(e,t){return(n,r,o,s)=>{var a;if(++o.depth>o.recursionLimit)throw new Error(`cannot dec\
ode ${e} from binary: maximum recursion depth of ${o.recursionLimit} reached`);let i=r.pos+s,c=(a=n.$unknown)!==null&&a!==void 0?a:[];for(;r.pos<i;){let[u,m]=r.
tag(),p=t.get(u);if(p===void 0){let d=r.skip(m,u,o.recursionLimit-o.depth);o.readUnknownFields&&c.push({no:u,wireType:m,data:d});continue}p(n,r,o,m)}c.length>0&&
(n.$unknown=c),o.depth--}}function pu(e,t){return(n,r,o,s)=>{var a;if(++o.depth>o.recursionLimit)throw new Error(`cannot decode ${e} from binary: maximum recurs\
ion depth of ${o.recursionLimit} reached`);let i,c,u=(a=n.$unknown)!==null&&a!==void 0?a:[];for(;r.pos<r.len&&([i,c]=r.tag(),c!=I.EndGroup);){let m=t.get(i);if(m===
void 0){let p=r.skip(c,i,o.recursionLimit-o.depth);o.readUnknownFields&&u.push({no:i,wireType:c,data:p});continue}m(n,r,o,c)}if(c!=I.EndGroup||i!==s)throw new Error(
"invalid end group tag");u.length>0&&(n.$unknown=u),o.depth--}}function ea(e,t,n,r,o){ta(n)(e[D],t,o,r)}function ta(e){switch(e.fieldKind){case"scalar":return hu(
e);case"enum":return yu(e);case"message":return bu(e);case"list":return gu(e);case"map":return wu(e)}}function hu(e){let t=qt(e.scalar,e.utf8Validation,e.longAsString),
n=e.localName;if(e.oneof){let r=e.oneof.localName;return(o,s)=>{o[r]={case:n,value:t(s)}}}return(r,o)=>{r[n]=t(o)}}function yu(e){var t;let n=e.localName,r=(t=e.
oneof)===null||t===void 0?void 0:t.localName;if(e.enum.open)return r!==void 0?(a,i)=>{a[r]={case:n,value:i.int32()}}:(a,i)=>{a[n]=i.int32()};let o=e.enum.values,
s=e.number;return(a,i,c,u)=>{var m;let p=i.int32();if(o.some(d=>d.number===p))r!==void 0?a[r]={case:n,value:p}:a[n]=p;else if(c.readUnknownFields){let d=[];ko(p,
d);let f=(m=a.$unknown)!==null&&m!==void 0?m:[];f.push({no:s,wireType:u,data:new Uint8Array(d)}),a.$unknown=f}}}function bu(e){let t=e.localName,{toMessage:n,toLocal:r}=W(
e),o=na(e);if(e.oneof){let s=e.oneof.localName;return(a,i,c)=>{let u=a[s],m=n(u.case===t?u.value:void 0);o(m,i,c),a[s]={case:t,value:r(m)}}}return(s,a,i)=>{let c=n(
s[t]);o(c,a,i),s[t]=r(c)}}function na(e){let t=_r(e.message);if(e.delimitedEncoding){let n=e.number;return(r,o,s)=>t.readGroup(r,o,s,n)}return(n,r,o)=>t.read(n,
r,o,r.uint32())}function gu(e){let t=e.localName;if(e.listKind=="message"){let{toMessage:a,toLocal:i}=W(e),c=na(e);return(u,m,p)=>{let d=a(void 0);c(d,m,p),u[t].
push(i(d))}}let n=e.listKind=="enum"?l.INT32:e.scalar,r=e.listKind=="scalar"?e.longAsString:!1,o=qt(n,e.utf8Validation,r),s=n!=l.STRING&&n!=l.BYTES;return(a,i,c,u)=>{
let m=a[t];if(u==I.LengthDelimited&&s){let p=i.uint32()+i.pos;for(;i.pos<p;)m.push(o(i))}else m.push(o(i))}}function wu(e){let t=e.localName,n=qt(e.mapKey,e.utf8Validation,
!1),r=F(e.mapKey,!1),o,s;switch(e.mapKind){case"scalar":{let a=e.scalar,i=qt(a,e.utf8Validation,!1);if(o=c=>i(c),a==l.BYTES)s=()=>new Uint8Array(0);else{let c=F(
a,!1);s=()=>c}break}case"enum":{let a=e.enum.values[0].number;o=i=>i.int32(),s=()=>a;break}case"message":{let{toMessage:a,toLocal:i}=W(e),c=_r(e.message).read;o=
(u,m,p)=>{let d=a(p);return c(d,u,m,u.uint32()),i(d)},s=()=>i(a(void 0));break}}return(a,i,c)=>{let u=a[t],m,p,d=i.uint32(),f=i.pos+d;for(;i.pos<f;){let[h,g]=i.
tag();switch(h){case 1:m=n(i);break;case 2:p=o(i,c,p);break;default:i.skip(g,h,c.recursionLimit-c.depth)}}m===void 0&&(m=r),p===void 0&&(p=s()),P(u,m,p)}}function qt(e,t,n){
switch(e){case l.STRING:return r=>r.string(t);case l.BOOL:return r=>r.bool();case l.DOUBLE:return r=>r.double();case l.FLOAT:return r=>r.float();case l.INT32:return r=>r.
int32();case l.INT64:return n?r=>String(r.int64()):r=>r.int64();case l.UINT64:return n?r=>String(r.uint64()):r=>r.uint64();case l.FIXED64:return n?r=>String(r.fixed64()):
r=>r.fixed64();case l.BYTES:return r=>r.bytes();case l.FIXED32:return r=>r.fixed32();case l.SFIXED32:return r=>r.sfixed32();case l.SFIXED64:return n?r=>String(r.
sfixed64()):r=>r.sfixed64();case l.SINT64:return n?r=>String(r.sint64()):r=>r.sint64();case l.UINT32:return r=>r.uint32();case l.SINT32:return r=>r.sint32()}}function $(e,t){var n;let r=H(De,oe(e));return r.messageType.forEach(ht),r.dependency=(n=t?.map(s=>s.proto.name))!==null&&n!==void 0?n:[],Xt(r,s=>t?.find(a=>a.proto.
name===s)).getFile(r.name)}var ra=$("Ch9nb29nbGUvcHJvdG9idWYvdGltZXN0YW1wLnByb3RvEg9nb29nbGUucHJvdG9idWYiKwoJVGltZXN0YW1wEg8KB3NlY29uZHMYASABKAMSDQoFbmFub3MYAiABKAVChQEKE2NvbS5nb29nbGUucH\
JvdG9idWZCDlRpbWVzdGFtcFByb3RvUAFaMmdvb2dsZS5nb2xhbmcub3JnL3Byb3RvYnVmL3R5cGVzL2tub3duL3RpbWVzdGFtcHBi+AEBogIDR1BCqgIeR29vZ2xlLlByb3RvYnVmLldlbGxLbm93blR5cGVzYg\
Zwcm90bzM");var oa=$("Ch5nb29nbGUvcHJvdG9idWYvZHVyYXRpb24ucHJvdG8SD2dvb2dsZS5wcm90b2J1ZiIqCghEdXJhdGlvbhIPCgdzZWNvbmRzGAEgASgDEg0KBW5hbm9zGAIgASgFQoMBChNjb20uZ29vZ2xlLnByb3\
RvYnVmQg1EdXJhdGlvblByb3RvUAFaMWdvb2dsZS5nb2xhbmcub3JnL3Byb3RvYnVmL3R5cGVzL2tub3duL2R1cmF0aW9ucGL4AQGiAgNHUEKqAh5Hb29nbGUuUHJvdG9idWYuV2VsbEtub3duVHlwZXNiBnByb3\
RvMw");var gt=$("Chlnb29nbGUvcHJvdG9idWYvYW55LnByb3RvEg9nb29nbGUucHJvdG9idWYiJgoDQW55EhAKCHR5cGVfdXJsGAEgASgJEg0KBXZhbHVlGAIgASgMQnYKE2NvbS5nb29nbGUucHJvdG9idWZCCEFueV\
Byb3RvUAFaLGdvb2dsZS5nb2xhbmcub3JnL3Byb3RvYnVmL3R5cGVzL2tub3duL2FueXBiogIDR1BCqgIeR29vZ2xlLlByb3RvYnVmLldlbGxLbm93blR5cGVzYgZwcm90bzM"),sa=se(gt,0);var Eu=2,vu=3,aa={writeUnknownFields:!0};function Nu(e){return e?Object.assign(Object.assign({},aa),e):aa}function Ue(e,t,n){let r=new Ce;return Ar(e)(r,Nu(n),t),
r.finish()}var ia=new WeakMap;function Ar(e){let t=ia.get(e);return t===void 0&&(t=Su(e)),t}function Su(e){let t=e.typeName,n=e.fields.concat().sort((a,i)=>a.number-
i.number),r=n[0],o=[],s=(a,i,c)=>{if(c.$typeName!==t&&r!==void 0)throw new T(r,`cannot use ${r} with message ${c.$typeName}`,"ForeignFieldError");for(let m=0;m<
o.length;m++)o[m](a,i,c);let u=c.$unknown;if(u!==void 0&&i.writeUnknownFields)for(let m=0;m<u.length;m++){let{no:p,wireType:d,data:f}=u[m];a.tag(p,d).raw(f)}};ia.
set(e,s);for(let a of n)o.push(ca(a));return s}function ca(e){switch(e.fieldKind){case"message":case"scalar":case"enum":return Tu(e);case"list":return Iu(e);case"\
map":return Ou(e)}}function Tu(e){let t=xu(e),n=e.localName;if(e.oneof){let r=e.oneof.localName;return(o,s,a)=>{let i=a[r];i.case===n&&t(o,s,i.value)}}if(e.presence!=
Eu){let r=e.presence==vu?`cannot encode ${e} to binary: required field not set`:void 0;return(o,s,a)=>{let i=a[n];if(i!==void 0&&Object.prototype.hasOwnProperty.
call(a,n))t(o,s,i);else if(r!==void 0)throw new Error(r)}}if(e.fieldKind=="enum"){let r=e.enum.values[0].number;return(o,s,a)=>{let i=a[n];i!==r&&t(o,s,i)}}switch(e.
scalar){case l.BOOL:return(r,o,s)=>{let a=s[n];a!==!1&&t(r,o,a)};case l.STRING:return(r,o,s)=>{let a=s[n];a!==""&&t(r,o,a)};case l.BYTES:return(r,o,s)=>{let a=s[n];
(!(a instanceof Uint8Array)||a.byteLength>0)&&t(r,o,a)};case l.DOUBLE:case l.FLOAT:return(r,o,s)=>{let a=s[n];Object.is(a,0)||t(r,o,a)};default:return(r,o,s)=>{
let a=s[n];a!=0&&t(r,o,a)}}}function xu(e){switch(e.fieldKind){case"message":{let{toMessage:t}=W(e),n=la(e);return(r,o,s)=>{n(r,o,t(s))}}case"scalar":case"enum":{
let t=e.fieldKind=="enum"?l.INT32:e.scalar,n=e.number,r=en(t),o=Qt(t,e.parent.typeName,e.name);return(s,a,i)=>{s.tag(n,r),o(s,i)}}}}function Iu(e){let t=e.localName,
n=e.number;switch(e.listKind){case"message":{let{toMessage:r}=W(e),o=la(e);return(s,a,i)=>{let c=i[t];for(let u=0;u<c.length;u++)o(s,a,r(c[u]))}}case"scalar":case"\
enum":{let r=e.listKind=="enum"?l.INT32:e.scalar,o=Qt(r,e.parent.typeName,e.name);if(e.packed)return(a,i,c)=>{let u=c[t];if(u.length!=0){a.tag(n,I.LengthDelimited).
fork();for(let m=0;m<u.length;m++)o(a,u[m]);a.join()}};let s=en(r);return(a,i,c)=>{let u=c[t];for(let m=0;m<u.length;m++)a.tag(n,s),o(a,u[m])}}}}function Ou(e){
let t=e.localName,n=e.number,r=_u(e);if(e.mapKind=="message"){let{toMessage:i}=W(e),c=Ar(e.message);return(u,m,p)=>{let d=p[t],f=Object.keys(d);for(let h=0;h<f.
length;h++){let g=f[h];u.tag(n,I.LengthDelimited).fork(),r(u,g),u.tag(2,I.LengthDelimited).fork(),c(u,m,i(d[g])),u.join(),u.join()}}}let o=e.mapKind=="enum"?l.INT32:
e.scalar,s=en(o),a=Qt(o,e.parent.typeName,e.name);return(i,c,u)=>{let m=u[t],p=Object.keys(m);for(let d=0;d<p.length;d++){let f=p[d];i.tag(n,I.LengthDelimited).
fork(),r(i,f),i.tag(2,s),a(i,m[f]),i.join()}}}function _u(e){let t=en(e.mapKey),n=Qt(e.mapKey,e.parent.typeName,e.name),r=Au(e.mapKey);return(o,s)=>{o.tag(1,t),
n(o,r(s))}}function Au(e){switch(e){case l.STRING:return t=>t;case l.BOOL:return t=>t==="true"?!0:t==="false"?!1:t;case l.UINT64:case l.FIXED64:return t=>{try{return S.
uParse(t)}catch{return t}};case l.INT64:case l.SFIXED64:case l.SINT64:return t=>{try{return S.parse(t)}catch{return t}};default:return t=>{let n=Number.parseInt(
t);return Number.isFinite(n)?n:t}}}function Qt(e,t,n){let r=Cu(e);return(o,s)=>{try{r(o,s)}catch(a){throw a instanceof Error?new Error(`cannot encode field ${t}\
.${n} to binary: ${a.message}`):a}}}function Cu(e){switch(e){case l.STRING:return(t,n)=>t.string(n);case l.BOOL:return(t,n)=>t.bool(n);case l.DOUBLE:return(t,n)=>t.
double(n);case l.FLOAT:return(t,n)=>t.float(n);case l.INT32:return(t,n)=>t.int32(n);case l.INT64:return(t,n)=>t.int64(n);case l.UINT64:return(t,n)=>t.uint64(n);case l.
FIXED64:return(t,n)=>t.fixed64(n);case l.BYTES:return(t,n)=>t.bytes(n);case l.FIXED32:return(t,n)=>t.fixed32(n);case l.SFIXED32:return(t,n)=>t.sfixed32(n);case l.
SFIXED64:return(t,n)=>t.sfixed64(n);case l.SINT64:return(t,n)=>t.sint64(n);case l.UINT32:return(t,n)=>t.uint32(n);case l.SINT32:return(t,n)=>t.sint32(n)}}function ua(e,t,n,r){
ca(r)(e,t,n[D])}function la(e){let t=e.number,n=Ar(e.message);return e.delimitedEncoding?(r,o,s)=>{r.tag(t,I.StartGroup),n(r,o,s),r.tag(t,I.EndGroup)}:(r,o,s)=>{
r.tag(t,I.LengthDelimited).fork(),n(r,o,s),r.join()}}function en(e){switch(e){case l.BYTES:case l.STRING:return I.LengthDelimited;case l.DOUBLE:case l.FIXED64:case l.
SFIXED64:return I.Bit64;case l.FIXED32:case l.SFIXED32:case l.FLOAT:return I.Bit32;default:return I.Varint}}function ma(e,t,n){let r=!1;return n||(n=A(sa),r=!0),n.value=Ue(e,t),n.typeUrl=ku(t.$typeName),r?n:void 0}function Ru(e,t){if(e.typeUrl==="")return!1;let n=typeof t==
"string"?t:t.typeName,r=da(e.typeUrl);return n===r}function fa(e,t){if(e.typeUrl==="")return;let n=t.kind=="message"?t:t.getMessage(da(e.typeUrl));if(!(!n||!Ru(
e,n)))return H(n,e.value)}function ku(e){return`type.googleapis.com/${e}`}function da(e){let t=e.lastIndexOf("/"),n=t>=0?e.substring(t+1):e;if(!n.length)throw new Error(`invalid type url\
: ${e}`);return n}var pa=$("Chtnb29nbGUvcHJvdG9idWYvZW1wdHkucHJvdG8SD2dvb2dsZS5wcm90b2J1ZiIHCgVFbXB0eUJ9ChNjb20uZ29vZ2xlLnByb3RvYnVmQgpFbXB0eVByb3RvUAFaLmdvb2dsZS5nb2xhbmcub3JnL3\
Byb3RvYnVmL3R5cGVzL2tub3duL2VtcHR5cGL4AQGiAgNHUEKqAh5Hb29nbGUuUHJvdG9idWYuV2VsbEtub3duVHlwZXNiBnByb3RvMw");var ha=$("CiBnb29nbGUvcHJvdG9idWYvZmllbGRfbWFzay5wcm90bxIPZ29vZ2xlLnByb3RvYnVmIhoKCUZpZWxkTWFzaxINCgVwYXRocxgBIAMoCUKFAQoTY29tLmdvb2dsZS5wcm90b2J1ZkIORmllbGRNYX\
NrUHJvdG9QAVoyZ29vZ2xlLmdvbGFuZy5vcmcvcHJvdG9idWYvdHlwZXMva25vd24vZmllbGRtYXNrcGL4AQGiAgNHUEKqAh5Hb29nbGUuUHJvdG9idWYuV2VsbEtub3duVHlwZXNiBnByb3RvMw");var wt=$("Chxnb29nbGUvcHJvdG9idWYvc3RydWN0LnByb3RvEg9nb29nbGUucHJvdG9idWYihAEKBlN0cnVjdBIzCgZmaWVsZHMYASADKAsyIy5nb29nbGUucHJvdG9idWYuU3RydWN0LkZpZWxkc0VudHJ5Gk\
UKC0ZpZWxkc0VudHJ5EgsKA2tleRgBIAEoCRIlCgV2YWx1ZRgCIAEoCzIWLmdvb2dsZS5wcm90b2J1Zi5WYWx1ZToCOAEi6gEKBVZhbHVlEjAKCm51bGxfdmFsdWUYASABKA4yGi5nb29nbGUucHJvdG9idWYuTn\
VsbFZhbHVlSAASFgoMbnVtYmVyX3ZhbHVlGAIgASgBSAASFgoMc3RyaW5nX3ZhbHVlGAMgASgJSAASFAoKYm9vbF92YWx1ZRgEIAEoCEgAEi8KDHN0cnVjdF92YWx1ZRgFIAEoCzIXLmdvb2dsZS5wcm90b2J1Zi\
5TdHJ1Y3RIABIwCgpsaXN0X3ZhbHVlGAYgASgLMhouZ29vZ2xlLnByb3RvYnVmLkxpc3RWYWx1ZUgAQgYKBGtpbmQiMwoJTGlzdFZhbHVlEiYKBnZhbHVlcxgBIAMoCzIWLmdvb2dsZS5wcm90b2J1Zi5WYWx1ZS\
obCglOdWxsVmFsdWUSDgoKTlVMTF9WQUxVRRAAQn8KE2NvbS5nb29nbGUucHJvdG9idWZCC1N0cnVjdFByb3RvUAFaL2dvb2dsZS5nb2xhbmcub3JnL3Byb3RvYnVmL3R5cGVzL2tub3duL3N0cnVjdHBi+AEBog\
IDR1BCqgIeR29vZ2xlLlByb3RvYnVmLldlbGxLbm93blR5cGVzYgZwcm90bzM"),ya=se(wt,0),Cr=se(wt,1),ba=se(wt,2),tn;(function(e){e[e.NULL_VALUE=0]="NULL_VALUE"})(tn||(tn={}));var ga=$("Ch5nb29nbGUvcHJvdG9idWYvd3JhcHBlcnMucHJvdG8SD2dvb2dsZS5wcm90b2J1ZiIcCgtEb3VibGVWYWx1ZRINCgV2YWx1ZRgBIAEoASIbCgpGbG9hdFZhbHVlEg0KBXZhbHVlGAEgASgCIhsKCk\
ludDY0VmFsdWUSDQoFdmFsdWUYASABKAMiHAoLVUludDY0VmFsdWUSDQoFdmFsdWUYASABKAQiGwoKSW50MzJWYWx1ZRINCgV2YWx1ZRgBIAEoBSIcCgtVSW50MzJWYWx1ZRINCgV2YWx1ZRgBIAEoDSIaCglCb2\
9sVmFsdWUSDQoFdmFsdWUYASABKAgiHAoLU3RyaW5nVmFsdWUSDQoFdmFsdWUYASABKAkiGwoKQnl0ZXNWYWx1ZRINCgV2YWx1ZRgBIAEoDEKDAQoTY29tLmdvb2dsZS5wcm90b2J1ZkINV3JhcHBlcnNQcm90b1\
ABWjFnb29nbGUuZ29sYW5nLm9yZy9wcm90b2J1Zi90eXBlcy9rbm93bi93cmFwcGVyc3Bi+AEBogIDR1BCqgIeR29vZ2xlLlByb3RvYnVmLldlbGxLbm93blR5cGVzYgZwcm90bzM");function wa(e,t,n){va(t,e);let r=Du(e.$unknown,t),[o,s,a]=Me(t),i=Or(n);for(let c of r)ea(o,new re(c.data),s,c.wireType,i);return a()}function Ea(e,t,n){var r;va(
t,e);let o=((r=e.$unknown)!==null&&r!==void 0?r:[]).filter(u=>u.no!==t.number),[s,a]=Me(t,n),i=new Ce;ua(i,{writeUnknownFields:!0},s,a);let c=new re(i.finish());
for(;c.pos<c.len;){let[u,m]=c.tag(),p=c.skip(m,u);o.push({no:u,wireType:m,data:p})}e.$unknown=o}function Du(e,t){if(e===void 0)return[];if(t.fieldKind==="enum"||t.fieldKind==="scalar"){for(let n=e.length-1;n>=0;--n)if(e[n].no==t.number)return[e[n]];return[]}
return e.filter(n=>n.no===t.number)}function Me(e,t){let n=e.typeName,r=Object.assign(Object.assign({},e),{kind:"field",parent:e.extendee,localName:n}),o=Object.
assign(Object.assign({},e.extendee),{fields:[r],members:[r],oneofs:[]}),s=A(o,t!==void 0?{[n]:t}:void 0);return[fs(o,s),r,()=>{let a=s[n];if(a===void 0){let i=e.
message;return K(i)?F(i.fields[0].scalar,i.fields[0].longAsString):A(i)}return a}]}function va(e,t){if(e.extendee.typeName!=t.$typeName)throw new Error(`extensi\
on ${e.typeName} can only be applied to message ${e.extendee.typeName}`)}var nn=Date.parse("0001-01-01T00:00:00Z"),rn=Date.parse("9999-12-31T23:59:59Z"),on=-315576e6,sn=315576e6;var Uu=3,Mu=2,Na={alwaysEmitImplicit:!1,enumAsInteger:!1,useProtoFieldName:!1};function Pu(e){return e?Object.assign(Object.assign({},Na),e):Na}function Rr(e,t,n){
return an(e)(Pu(n),t)}function cn(e,t,n){var r;let o=Rr(e,t,n);return JSON.stringify(o,null,(r=n?.prettySpaces)!==null&&r!==void 0?r:0)}var Lr=new WeakMap;function an(e){let t=Lr.get(e);return t===void 0&&(t=Fu(e)),t}function Fu(e){let t=e.typeName,n=Vu(e);if(n!==void 0){let i=e.fields[0],c=(u,m)=>{
if(m.$typeName!==t&&i!==void 0)throw new T(i,`cannot use ${i} with message ${m.$typeName}`,"ForeignFieldError");return n(u,m)};return Lr.set(e,c),c}let r=e.fields.
concat().sort((i,c)=>i.number-c.number),o=r[0],s=[],a=(i,c)=>{if(c.$typeName!==t&&o!==void 0)throw new T(o,`cannot use ${o} with message ${c.$typeName}`,"Foreig\
nFieldError");let u={};for(let m=0;m<s.length;m++)s[m](i,c,u);return i.registry&&Hu(u,i,i.registry,c,e),u};Lr.set(e,a);for(let i of r){let c=Bu(i);s.push(i.jsonName===
"__proto__"||i.name==="__proto__"?$u(c):c)}return a}function $u(e){return(t,n,r)=>{let o=Object.create(null);e(t,n,o);for(let s of Object.keys(o))P(r,s,o[s])}}function Vu(e){
if(e.typeName.startsWith("google.protobuf."))switch(e.typeName){case"google.protobuf.Any":return(t,n)=>Ju(n,t);case"google.protobuf.Timestamp":return(t,n)=>Zu(n);case"\
google.protobuf.Duration":return(t,n)=>ju(n);case"google.protobuf.FieldMask":return(t,n)=>Xu(n);case"google.protobuf.Struct":return(t,n)=>Oa(n);case"google.prot\
obuf.Value":return(t,n)=>Ur(n);case"google.protobuf.ListValue":return(t,n)=>_a(n);default:if(K(e)){let t=e.fields[0],n=t.localName,r=F(t.scalar,!1),o=un(t);return(s,a)=>{
let i=a[n];return o(s,i===void 0?r:i)}}return}}function Bu(e){switch(e.fieldKind){case"scalar":case"enum":case"message":return Gu(e);case"list":case"map":{let t=e.
fieldKind=="list"?xa(e):Ia(e),n=e.name,r=e.jsonName,o=e.localName;return(s,a,i)=>{let c=t(s,a[o]);c!==void 0&&(i[s.useProtoFieldName?n:r]=c)}}}}function Gu(e){let t=Ta(
e),n=e.name,r=e.jsonName,o=e.localName;if(e.oneof){let s=e.oneof.localName;return(a,i,c)=>{let u=i[s];u.case===o&&(c[a.useProtoFieldName?n:r]=t(a,u.value))}}if(e.
presence!=Mu){let s=e.presence==Uu?`cannot encode ${e} to JSON: required field not set`:void 0;return(a,i,c)=>{let u=i[o];if(u!==void 0&&Object.prototype.hasOwnProperty.
call(i,o))c[a.useProtoFieldName?n:r]=t(a,u);else if(s!==void 0)throw new Error(s)}}if(e.fieldKind=="enum"){let s=e.enum.values[0].number;return(a,i,c)=>{let u=i[o];
(u!==s||a.alwaysEmitImplicit)&&(c[a.useProtoFieldName?n:r]=t(a,u))}}switch(e.scalar){case l.BOOL:return(s,a,i)=>{let c=a[o];(c!==!1||s.alwaysEmitImplicit)&&(i[s.
useProtoFieldName?n:r]=t(s,c))};case l.STRING:return(s,a,i)=>{let c=a[o];(c!==""||s.alwaysEmitImplicit)&&(i[s.useProtoFieldName?n:r]=t(s,c))};case l.BYTES:return(s,a,i)=>{
let c=a[o];(!(c instanceof Uint8Array)||c.byteLength>0||s.alwaysEmitImplicit)&&(i[s.useProtoFieldName?n:r]=t(s,c))};case l.DOUBLE:case l.FLOAT:return(s,a,i)=>{let c=a[o];
(!Object.is(c,0)||s.alwaysEmitImplicit)&&(i[s.useProtoFieldName?n:r]=t(s,c))};default:return(s,a,i)=>{let c=a[o];(c!=0||s.alwaysEmitImplicit)&&(i[s.useProtoFieldName?
n:r]=t(s,c))}}}function Wu(e){switch(e.fieldKind){case"scalar":case"enum":case"message":return Ta(e);case"list":return xa(e);case"map":return Ia(e)}}function Ta(e){
switch(e.fieldKind){case"scalar":return un(e);case"enum":return Dr(e);case"message":return kr(e)}}function kr(e){let{toMessage:t}=W(e),n=an(e.message);return(r,o)=>n(
r,t(o))}function xa(e){let t=Yu(e);return(n,r)=>{let o=r;if(o.length==0&&!n.alwaysEmitImplicit)return;let s=[];for(let a=0;a<o.length;a++)s.push(t(n,o[a]));return s}}
function Yu(e){switch(e.listKind){case"scalar":return un(e);case"enum":return Dr(e);case"message":return kr(e)}}function Ia(e){let t=Ku(e);return(n,r)=>{let o=r,
s=Object.keys(o);if(s.length==0&&!n.alwaysEmitImplicit)return;let a={};for(let i=0;i<s.length;i++){let c=s[i];P(a,c,t(n,o[c]))}return a}}function Ku(e){switch(e.
mapKind){case"scalar":return un(e);case"enum":return Dr(e);case"message":return kr(e)}}function Dr(e){let t=e.enum;return t.typeName=="google.protobuf.NullValue"?
(n,r)=>{if(typeof r!="number")throw Sa(t,r);return null}:(n,r)=>{var o,s;if(typeof r!="number")throw Sa(t,r);return n.enumAsInteger?r:(s=(o=t.value[r])===null||
o===void 0?void 0:o.jsonName)!==null&&s!==void 0?s:r}}function Sa(e,t){return new Error(`cannot encode ${e} to JSON: expected number, got ${k(t)}`)}function un(e){
switch(e.scalar){case l.INT32:case l.SFIXED32:case l.SINT32:case l.FIXED32:case l.UINT32:return(t,n)=>{if(typeof n!="number")throw Pe(e,n);return n};case l.FLOAT:case l.
DOUBLE:return(t,n)=>{if(typeof n!="number")throw Pe(e,n);return Number.isNaN(n)?"NaN":n===Number.POSITIVE_INFINITY?"Infinity":n===Number.NEGATIVE_INFINITY?"-Inf\
inity":n};case l.STRING:return(t,n)=>{if(typeof n!="string")throw Pe(e,n);return n};case l.BOOL:return(t,n)=>{if(typeof n!="boolean")throw Pe(e,n);return n};case l.
UINT64:case l.FIXED64:case l.INT64:case l.SFIXED64:case l.SINT64:return(t,n)=>{if(typeof n=="bigint"||typeof n=="string"||typeof n=="number"&&Number.isInteger(n))
return n.toString();throw Pe(e,n)};case l.BYTES:return(t,n)=>{if(n instanceof Uint8Array)return Re(n);throw Pe(e,n)}}}function Pe(e,t){var n;return new Error(`c\
annot encode ${e} to JSON: ${(n=Bt(e,t))===null||n===void 0?void 0:n.message}`)}function Hu(e,t,n,r,o){let s=r.$unknown;if(s===void 0)return;let a=new Set;for(let i=0;i<
s.length;i++){let{no:c}=s[i];if(!a.has(c)){a.add(c);let u=n.getExtensionFor(o,c);if(!u)continue;let m=wa(r,u),[p,d]=Me(u,m),f=p[D],h=Wu(d)(t,f[d.localName]);h!==
void 0&&(e[u.jsonName]=h)}}}function Ju(e,t){if(e.typeUrl==="")return{};let{registry:n}=t,r,o;if(n&&(r=fa(e,n),r&&(o=n.getMessage(r.$typeName))),!o||!r)throw new Error(
`cannot encode message ${e.$typeName} to JSON: "${e.typeUrl}" is not in the type registry`);let s=$t(o)?{value:an(o)(t,r)}:an(o)(t,r);return s["@type"]=e.typeUrl,
s}function ju(e){let t=Number(e.seconds),n=e.nanos;if(t>sn||t<on)throw new Error(`cannot encode message ${e.$typeName} to JSON: value out of range`);if(t>0&&n<0||
t<0&&n>0)throw new Error(`cannot encode message ${e.$typeName} to JSON: nanos sign must match seconds sign`);let r=e.seconds.toString();if(n!==0){let o=Math.abs(
n).toString();o="0".repeat(9-o.length)+o,o.substring(3)==="000000"?o=o.substring(0,3):o.substring(6)==="000"&&(o=o.substring(0,6)),r+="."+o,n<0&&t==0&&(r="-"+r)}
return r+"s"}function Xu(e){return e.paths.map(t=>{if(Jt(q(t))!==t)throw new Error(`cannot encode message ${e.$typeName} to JSON: lowerCamelCase of path name "${t}\
" is irreversible`);return q(t)}).join(",")}function Oa(e){let t={},n=Object.keys(e.fields);for(let r=0;r<n.length;r++){let o=n[r];P(t,o,Ur(e.fields[o]))}return t}
function Ur(e){switch(e.kind.case){case"nullValue":return null;case"numberValue":if(!Number.isFinite(e.kind.value))throw new Error(`${e.$typeName} cannot be NaN\
 or Infinity`);return e.kind.value;case"boolValue":return e.kind.value;case"stringValue":return e.kind.value;case"structValue":return Oa(e.kind.value);case"list\
Value":return _a(e.kind.value);default:throw new Error(`${e.$typeName} must have a value`)}}function _a(e){return e.values.map(Ur)}function Zu(e){let t=Number(e.
seconds)*1e3;if(t<nn||t>rn)throw new Error(`cannot encode message ${e.$typeName} to JSON: must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z inclusive`);
if(e.nanos<0)throw new Error(`cannot encode message ${e.$typeName} to JSON: nanos must not be negative`);if(e.nanos>999999999)throw new Error(`cannot encode mes\
sage ${e.$typeName} to JSON: nanos must not be greater than 999999999`);let n="Z";if(e.nanos>0){let r=(e.nanos+1e9).toString().substring(1);r.substring(3)==="00\
0000"?n="."+r.substring(0,3)+"Z":r.substring(6)==="000"?n="."+r.substring(0,6)+"Z":n="."+r+"Z"}return new Date(t).toISOString().replace(".000Z",n)}var zu=2;function qu(e){return Object.assign(Object.assign({ignoreUnknownFields:!1,recursionLimit:100},e),{depth:0})}function ln(e,t,n){return Se(e,ul(t,e.typeName),
n)}function Se(e,t,n){let r=A(e);return Qu(e,r,t,n),r}function Qu(e,t,n,r){try{Fe(e)(t,n,qu(r))}catch(o){throw Qo(o)?new Error(`cannot decode ${o.field()} from JSON: ${o.message}`,{cause:o}):o}}var Mr=new WeakMap;function Fe(e){let t=Mr.get(e);return t===void 0&&(t=el(e)),t}function el(e){let t=String(e),n=tl(e);if(n!==void 0){let a=(i,c,u)=>{if(++u.depth>
u.recursionLimit)throw new Error(`cannot decode ${t} from JSON: maximum recursion depth of ${u.recursionLimit} reached`);n(i,c,u),u.depth--};return Mr.set(e,a),
a}let r=e.typeName,o=new Map,s=(a,i,c)=>{var u;if(++c.depth>c.recursionLimit)throw new Error(`cannot decode ${t} from JSON: maximum recursion depth of ${c.recursionLimit}\
 reached`);if(i==null||Array.isArray(i)||typeof i!="object")throw new Error(`cannot decode ${t} from JSON: ${k(i)}`);let m=new Map,p=new Set,d=Object.keys(i);for(let f=0;f<
d.length;f++){let h=d[f],g=i[h],w=o.get(h);if(w!==void 0){let E=w.field;if(p.has(E))throw new T(E,"set multiple times");if(p.add(E),w.oneofScalarNullSkip&&g===null)
continue;if(w.oneof){let O=m.get(w.oneof);if(O!==void 0)throw new T(w.oneof,`oneof set multiple times by ${O.name} and ${E.name}`);m.set(w.oneof,E)}w.read(a,g,c)}else{
let E=h.startsWith("[")&&h.endsWith("]")?(u=c.registry)===null||u===void 0?void 0:u.getExtension(h.substring(1,h.length-1)):void 0;if(E?.extendee.typeName==r){let[
O,C,R]=Me(E);Aa(C)(O[D],g,c),Ea(a,E,R())}if(E===void 0&&!c.ignoreUnknownFields)throw new Error(`cannot decode ${t} from JSON: key "${h}" is unknown`)}}c.depth--};
Mr.set(e,s);for(let a of e.fields){let i={read:Aa(a),field:a,oneof:a.oneof,oneofScalarNullSkip:a.oneof!==void 0&&a.fieldKind=="scalar"};o.set(a.name,i).set(a.jsonName,
i)}return s}function tl(e){if(e.typeName.startsWith("google.protobuf."))switch(e.typeName){case"google.protobuf.Any":return(t,n,r)=>ml(t,n,r);case"google.protob\
uf.Timestamp":return(t,n)=>fl(t,n);case"google.protobuf.Duration":return(t,n)=>dl(t,n);case"google.protobuf.FieldMask":return(t,n)=>pl(t,n);case"google.protobuf\
.Struct":return(t,n,r)=>ka(t,n,r);case"google.protobuf.Value":return(t,n,r)=>Br(t,n,r);case"google.protobuf.ListValue":return(t,n,r)=>Da(t,n,r);default:if(K(e)){
let t=e.fields[0],n=t.localName,r=t.scalar,o=t.longAsString,s=La(t);return(a,i)=>{i===null?a[n]=F(r,o):a[n]=s(i)}}return}}function Aa(e){switch(e.fieldKind){case"\
scalar":return nl(e);case"enum":return rl(e);case"message":return ol(e);case"list":return sl(e);case"map":return il(e)}}function nl(e){let t=La(e),n=e.localName;
if(e.oneof){let o=e.oneof.localName;return(s,a)=>{s[o]={case:n,value:t(a)}}}let r=Ca(e);return(o,s)=>{s===null?r(o):o[n]=t(s)}}function Ca(e){let t=e.localName;
if(e.presence!=zu)return o=>{delete o[t]};if(e.fieldKind=="enum"){let o=e.enum.values[0].number;return s=>{s[t]=o}}let n=e.scalar,r=e.longAsString;return o=>{o[t]=
F(n,r)}}function rl(e){let t=Pr(e.enum),n=Fr(e.enum),r=e.localName,o=e.enum.typeName!="google.protobuf.NullValue";if(e.oneof){let a=e.oneof.localName;return(i,c,u)=>{
if(c===null&&o){i[a].case===r&&(i[a]={case:void 0});return}let m=t(c,u.ignoreUnknownFields);if(m===$e)return;let p=n(m);if(p!==!0)throw new T(e,X(e,m,p));i[a]={
case:r,value:m}}}let s=Ca(e);return(a,i,c)=>{if(i===null&&o){s(a);return}let u=t(i,c.ignoreUnknownFields);if(u===$e)return;let m=n(u);if(m!==!0)throw new T(e,X(
e,u,m));a[r]=u}}function ol(e){let t=e.localName,{toMessage:n,toLocal:r}=W(e),o=Fe(e.message),s=e.message.typeName!="google.protobuf.Value";if(e.oneof){let a=e.
oneof.localName;return(i,c,u)=>{let m=i[a];if(c===null&&s){m.case===t&&(i[a]={case:void 0});return}let p=n(m.case===t?m.value:void 0);o(p,c,u),i[a]={case:t,value:r(
p)}}}return(a,i,c)=>{if(i===null&&s){delete a[t];return}let u=n(a[t]);o(u,i,c),a[t]=r(u)}}function sl(e){let t=e.localName,n=al(e);return(r,o,s)=>{if(o===null)return;
if(!Array.isArray(o))throw new T(e,"expected Array, got "+k(o));let a=r[t];for(let i=0;i<o.length;i++){let c=n(o[i],s,a.length);c!==$e&&a.push(c)}}}function al(e){
switch(e.listKind){case"scalar":{let t=$r(e),n=le(e.scalar),r=Vr(e);return(o,s,a)=>{if(o===null)throw new T(e,"list item must not be null");let i=t(o),c=n(i);if(c!==
!0)throw new T(e,`list item #${a+1}: ${X(e,i,c)}`);return r(i)}}case"enum":{let t=Pr(e.enum),n=Fr(e.enum),r=e.enum.typeName!="google.protobuf.NullValue";return(o,s,a)=>{
if(o===null&&r)throw new T(e,"list item must not be null");let i=t(o,s.ignoreUnknownFields);if(i===$e)return i;let c=n(i);if(c!==!0)throw new T(e,`list item #${a+
1}: ${X(e,i,c)}`);return i}}case"message":{let{toMessage:t,toLocal:n}=W(e),r=Fe(e.message),o=e.message.typeName!="google.protobuf.Value";return(s,a)=>{if(s===null&&
o)throw new T(e,"list item must not be null");let i=t(void 0);return r(i,s,a),n(i)}}}}function il(e){let t=e.localName,n=e.mapKey,r=cl(n),o=le(n),s,a,i=u=>u,c=!0;
switch(e.mapKind){case"scalar":{s=$r(e),a=le(e.scalar),i=Vr(e);break}case"enum":{let u=Pr(e.enum);s=(m,p)=>u(m,p.ignoreUnknownFields),a=Fr(e.enum),c=e.enum.typeName!=
"google.protobuf.NullValue";break}case"message":{let{toMessage:u,toLocal:m}=W(e),p=Fe(e.message);c=e.message.typeName!="google.protobuf.Value",s=(d,f)=>{let h=u(
void 0);return p(h,d,f),m(h)};break}}return(u,m,p)=>{if(m===null)return;if(typeof m!="object"||Array.isArray(m))throw new T(e,"expected object, got "+k(m));let d=u[t],
f=new Set,h=Object.keys(m);for(let g=0;g<h.length;g++){let w=h[g],E=m[w],O=r(w);if(f.has(O))throw new T(e,`duplicate map key "${w}"`);if(f.add(O),E===null&&c)throw new T(
e,"map value must not be null");let C=s(E,p);if(C===$e)continue;let R=o(O);if(R!==!0)throw new T(e,`invalid map key: ${X({scalar:n},O,R)}`);if(a!==void 0){let M=a(
C);if(M!==!0)throw new T(e,`map entry ${k(O)}: ${X(e,C,M)}`)}P(d,O,i(C))}}}var $e=Symbol();function Pr(e){let t=e.values[0].number,n=new Map;for(let r of e.values)
n.set(r.jsonName,r.number);for(let r of e.values)n.set(r.name,r.number);return(r,o)=>{if(r===null)return t;switch(typeof r){case"number":if(Number.isInteger(r))
return r;break;case"string":{let s=n.get(r);if(s!==void 0)return s;if(o)return $e;break}}throw new Error(`cannot decode ${e} from JSON: ${k(r)}`)}}function Fr(e){
if(e.open)return le(l.INT32);let t=e.values;return n=>t.some(r=>r.number===n)}function La(e){let t=$r(e),n=le(e.scalar),r=Vr(e);return o=>{let s=t(o),a=n(s);if(a!==
!0)throw new T(e,X(e,s,a));return r(s)}}function $r(e){switch(e.scalar){case l.DOUBLE:case l.FLOAT:return t=>{if(t==="NaN")return NaN;if(t==="Infinity")return Number.
POSITIVE_INFINITY;if(t==="-Infinity")return Number.NEGATIVE_INFINITY;if(typeof t=="number"){if(Number.isNaN(t))throw new T(e,"unexpected NaN number");if(!Number.
isFinite(t))throw new T(e,"unexpected infinite number");return t}if(typeof t=="string"){if(t===""||t.trim().length!==t.length)return t;let n=Number(t);return Number.
isFinite(n)?n:t}return t};case l.INT32:case l.FIXED32:case l.SFIXED32:case l.SINT32:case l.UINT32:return Ra;case l.BYTES:return t=>{if(typeof t=="string"){if(t===
"")return new Uint8Array(0);try{return oe(t)}catch(n){let r=n instanceof Error?n.message:String(n);throw new T(e,r)}}return t};default:return t=>t}}function Vr(e){
let t=e.fieldKind!=="map"&&e.longAsString;switch(e.scalar){case l.INT64:case l.SFIXED64:case l.SINT64:return t?n=>String(n):n=>typeof n=="string"||typeof n=="nu\
mber"?S.parse(n):n;case l.FIXED64:case l.UINT64:return t?n=>String(n):n=>typeof n=="string"||typeof n=="number"?S.uParse(n):n;default:return n=>n}}function cl(e){
switch(e){case l.BOOL:return t=>{switch(t){case"true":return!0;case"false":return!1}return t};case l.INT32:case l.FIXED32:case l.UINT32:case l.SFIXED32:case l.SINT32:
return Ra;case l.INT64:case l.SINT64:case l.SFIXED64:case l.UINT64:case l.FIXED64:return t=>/^-?0+$/.test(t)?"0":t.replace(/^(-?)0+(?=\d)/,"$1");default:return t=>t}}
function Ra(e){if(typeof e=="string"){if(e===""||e.trim().length!==e.length)return e;let t=Number(e);return Number.isNaN(t)?e:t}return e}function ul(e,t){let n;
try{n=JSON.parse(e)}catch(r){let o=r instanceof Error?r.message:String(r);throw new Error(`cannot decode message ${t} from JSON: ${o}`,{cause:r})}return ll(e,t),
n}function ll(e,t){let n=[],r=!1,o=0;for(;o<e.length;)switch(e[o]){case"{":n.push(new Set),r=!0,o++;break;case"[":n.push(null),r=!1,o++;break;case"}":case"]":n.
pop(),r=!1,o++;break;case",":r=n[n.length-1]!=null,o++;break;case":":r=!1,o++;break;case'"':{let s=o++,a=!1;for(;o<e.length;){if(e[o]=="\\"){a=!0,o+=2;continue}
if(e[o]=='"')break;o++}let i=o++,c=n[n.length-1];if(r&&c){let u=a?JSON.parse(e.substring(s,i+1)):e.substring(s+1,i);if(c.has(u))throw new Error(`cannot decode m\
essage ${t} from JSON: duplicate object key "${u}"`);c.add(u)}r=!1;break}default:o++;break}}function ml(e,t,n){var r;if(t===null||Array.isArray(t)||typeof t!="o\
bject")throw new Error(`cannot decode message ${e.$typeName} from JSON: expected object but got ${k(t)}`);if(Object.keys(t).length==0)return;let o=t["@type"];if(typeof o!=
"string"||o=="")throw new Error(`cannot decode message ${e.$typeName} from JSON: "@type" is empty`);let s=o.includes("/")?o.substring(o.lastIndexOf("/")+1):o;if(!s.
length)throw new Error(`cannot decode message ${e.$typeName} from JSON: "@type" is invalid`);let a=(r=n.registry)===null||r===void 0?void 0:r.getMessage(s);if(!a)
throw new Error(`cannot decode message ${e.$typeName} from JSON: ${o} is not in the type registry`);let i=A(a);if($t(a)&&Object.prototype.hasOwnProperty.call(t,
"value"))Fe(a)(i,t.value,n);else{let c={};for(let u of Object.keys(t))u!=="@type"&&P(c,u,t[u]);Fe(a)(i,c,n)}ma(a,i,e)}function fl(e,t){if(typeof t!="string")throw new Error(
`cannot decode message ${e.$typeName} from JSON: ${k(t)}`);let n=t.match(/^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-][0-9][0-9]:[0-9][0-9]))$/);
if(!n)throw new Error(`cannot decode message ${e.$typeName} from JSON: invalid RFC 3339 string`);let r=Date.parse(n[1]+"-"+n[2]+"-"+n[3]+"T"+n[4]+":"+n[5]+":"+n[6]+
(n[8]?n[8]:"Z"));if(Number.isNaN(r))throw new Error(`cannot decode message ${e.$typeName} from JSON: invalid RFC 3339 string`);if(r<nn||r>rn)throw new Error(`ca\
nnot decode message ${e.$typeName} from JSON: must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z inclusive`);e.seconds=S.parse(r/1e3),e.nanos=0,n[7]&&(e.
nanos=parseInt("1"+n[7]+"0".repeat(9-n[7].length))-1e9)}function dl(e,t){if(typeof t!="string")throw new Error(`cannot decode message ${e.$typeName} from JSON: ${k(
t)}`);let n=t.match(/^(-?[0-9]+)(?:\.([0-9]+))?s/);if(n===null)throw new Error(`cannot decode message ${e.$typeName} from JSON: ${k(t)}`);let r=Number(n[1]);if(r>
sn||r<on)throw new Error(`cannot decode message ${e.$typeName} from JSON: ${k(t)}`);if(e.seconds=S.parse(r),typeof n[2]!="string")return;let o=n[2]+"0".repeat(9-
n[2].length);e.nanos=parseInt(o),(r<0||Object.is(r,-0))&&(e.nanos=-e.nanos)}function pl(e,t){if(typeof t!="string")throw new Error(`cannot decode message ${e.$typeName}\
 from JSON: ${k(t)}`);t!==""&&(e.paths=t.split(",").map(n=>{if(n.includes("_"))throw new Error(`cannot decode message ${e.$typeName} from JSON: path names must \
be lowerCamelCase`);return Jt(n)}))}function ka(e,t,n){if(typeof t!="object"||t==null||Array.isArray(t))throw new Error(`cannot decode message ${e.$typeName} fr\
om JSON ${k(t)}`);let r=Object.keys(t);for(let o=0;o<r.length;o++){let s=r[o],a=A(Cr);Br(a,t[s],n),P(e.fields,s,a)}}function Br(e,t,n){if(++n.depth>n.recursionLimit)
throw new Error(`cannot decode ${e.$typeName} from JSON: maximum recursion depth of ${n.recursionLimit} reached`);switch(typeof t){case"number":e.kind={case:"nu\
mberValue",value:t};break;case"string":e.kind={case:"stringValue",value:t};break;case"boolean":e.kind={case:"boolValue",value:t};break;case"object":if(t===null)
e.kind={case:"nullValue",value:tn.NULL_VALUE};else if(Array.isArray(t)){let r=A(ba);Da(r,t,n),e.kind={case:"listValue",value:r}}else{let r=A(ya);ka(r,t,n),e.kind=
{case:"structValue",value:r}}break;default:throw new Error(`cannot decode message ${e.$typeName} from JSON ${k(t)}`)}return n.depth--,e}function Da(e,t,n){if(!Array.
isArray(t))throw new Error(`cannot decode message ${e.$typeName} from JSON ${k(t)}`);for(let r=0;r<t.length;r++){let o=A(Cr);Br(o,t[r],n),e.values.push(o)}}var y;(function(e){e[e.Canceled=1]="Canceled",e[e.Unknown=2]="Unknown",e[e.InvalidArgument=3]="InvalidArgument",e[e.DeadlineExceeded=4]="DeadlineExceeded",e[e.NotFound=
5]="NotFound",e[e.AlreadyExists=6]="AlreadyExists",e[e.PermissionDenied=7]="PermissionDenied",e[e.ResourceExhausted=8]="ResourceExhausted",e[e.FailedPrecondition=
9]="FailedPrecondition",e[e.Aborted=10]="Aborted",e[e.OutOfRange=11]="OutOfRange",e[e.Unimplemented=12]="Unimplemented",e[e.Internal=13]="Internal",e[e.Unavailable=
14]="Unavailable",e[e.DataLoss=15]="DataLoss",e[e.Unauthenticated=16]="Unauthenticated"})(y||(y={}));function Et(e){let t=y[e];return typeof t!="string"?e.toString():t[0].toLowerCase()+t.substring(1).replace(/[A-Z]/g,n=>"_"+n.toLowerCase())}var mn;function Ua(e){
if(!mn){mn={};for(let t of Object.values(y))typeof t!="string"&&(mn[Et(t)]=t)}return mn[e]}var b=class e extends Error{constructor(t,n=y.Unknown,r,o,s){super(hl(t,n)),this.name="ConnectError",this.isWireError=!1,Object.setPrototypeOf(this,new.target.prototype),
this.rawMessage=t,this.code=n,this.metadata=new Headers(r??{}),this.details=o??[],this.cause=s}static from(t,n=y.Unknown){return t instanceof e?t:t instanceof Error?
t.name=="AbortError"||t.name=="TimeoutError"?new e(t.message,y.Canceled):new e(t.message,n,void 0,void 0,t):new e(String(t),n,void 0,void 0,t)}static[Symbol.hasInstance](t){
return t instanceof Error?Object.getPrototypeOf(t)===e.prototype?!0:t.name==="ConnectError"&&"code"in t&&typeof t.code=="number"&&"metadata"in t&&"details"in t&&
Array.isArray(t.details)&&"rawMessage"in t&&typeof t.rawMessage=="string"&&"cause"in t:!1}findDetails(t){let n=t.kind==="message"?{getMessage:o=>o===t.typeName?
t:void 0}:t,r=[];for(let o of this.details){if("desc"in o){n.getMessage(o.desc.typeName)&&r.push(A(o.desc,o.value));continue}let s=n.getMessage(o.type);if(s)try{
r.push(H(s,o.value))}catch{}}return r}};function hl(e,t){return e.length?`[${Et(t)}] ${e}`:`[${Et(t)}]`}function Gr(e,t,n){try{let r=oe(e);return t?H(t,r,n):r}catch(r){throw b.from(r,y.DataLoss)}}function Wr(...e){let t=new Headers;for(let n of e)n.forEach((r,o)=>{
t.append(o,r)});return t}var ee=1;function Ma(e,t){if(t>e)throw new b(`message size ${t} is larger than configured writeMaxBytes ${e}`,y.ResourceExhausted)}function fn(e,t,n=!1){if(t>e){let r=`m\
essage size is larger than configured readMaxBytes ${e}`;throw n&&(r=`message size ${t} is larger than configured readMaxBytes ${e}`),new b(r,y.ResourceExhausted)}}function Kr(e){return new Yr(e)}var Yr=class{constructor(t){this.readMaxBytes=t,this.header=new Uint8Array(5),this.headerView=new DataView(this.header.buffer),this.
buf=[]}get byteLength(){return this.buf.reduce((t,n)=>t+n.byteLength,0)}decode(t){this.buf.push(t);let n=[];for(;;){let r=this.pop();if(!r)break;n.push(r)}return n}pop(){
if(!(!this.env&&(this.env=this.head(),!this.env))&&this.cons(this.env.data)){let t=this.env;return this.env=void 0,t}}head(){if(!this.cons(this.header))return;let t=this.
headerView.getUint8(0),n=this.headerView.getUint32(1);return fn(this.readMaxBytes,n,!0),{flags:t,data:new Uint8Array(n)}}cons(t){let n=t.byteLength;if(this.byteLength<
n)return!1;let r=0;for(;r<n;){let o=this.buf.shift();o.byteLength>n-r?(t.set(o.subarray(0,n-r),r),this.buf.unshift(o.subarray(n-r)),r+=n-r):(t.set(o,r),r+=o.byteLength)}
return!0}};function Hr(e){let t,n=Kr(4294967295);return new ReadableStream({start(){t=e.getReader()},async pull(r){let o=!1;for(;!o;){let s=await t.read();if(s.
done)n.byteLength>0&&r.error(new b("protocol error: incomplete envelope",y.InvalidArgument)),r.close();else for(let a of n.decode(s.value))r.enqueue(a),o=!0}}})}
async function Jr(e,t,n){let{flags:r,data:o}=e;if((r&ee)===ee)throw new b("invalid envelope, already compressed",y.Internal);return t&&o.byteLength>=n&&(o=await t.
compress(o),r=r|ee),{data:o,flags:r}}async function jr(e,t,n){let{flags:r,data:o}=e;if((r&ee)===ee){if(!t)throw new b("received compressed envelope, but do not \
know how to decompress",y.Internal);o=await t.decompress(o,n),r=r^ee}return{data:o,flags:r}}function vt(e,t){let n=new Uint8Array(t.length+5);n.set(t,5);let r=new DataView(
n.buffer,n.byteOffset,n.byteLength);return r.setUint8(0,e),r.setUint32(1,t.length),n}var fe=function(e){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is not defined.");var t=e[Symbol.asyncIterator],n;return t?t.call(e):(e=typeof __values==
"function"?__values(e):e[Symbol.iterator](),n={},r("next"),r("throw"),r("return"),n[Symbol.asyncIterator]=function(){return this},n);function r(s){n[s]=e[s]&&function(a){
return new Promise(function(i,c){a=e[s](a),o(i,c,a.done,a.value)})}}function o(s,a,i,c){Promise.resolve(c).then(function(u){s({value:u,done:i})},a)}},N=function(e){
return this instanceof N?(this.v=e,this):new N(e)},ae=function(e,t,n){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is not defined.");var r=n.
apply(e,t||[]),o,s=[];return o=Object.create((typeof AsyncIterator=="function"?AsyncIterator:Object).prototype),i("next"),i("throw"),i("return",a),o[Symbol.asyncIterator]=
function(){return this},o;function a(f){return function(h){return Promise.resolve(h).then(f,p)}}function i(f,h){r[f]&&(o[f]=function(g){return new Promise(function(w,E){
s.push([f,g,w,E])>1||c(f,g)})},h&&(o[f]=h(o[f])))}function c(f,h){try{u(r[f](h))}catch(g){d(s[0][3],g)}}function u(f){f.value instanceof N?Promise.resolve(f.value.
v).then(m,p):d(s[0][2],f)}function m(f){c("next",f)}function p(f){c("throw",f)}function d(f,h){f(h),s.shift(),s.length&&c(s[0][0],s[0][1])}},yl=function(e){var t,
n;return t={},r("next"),r("throw",function(o){throw o}),r("return"),t[Symbol.iterator]=function(){return this},t;function r(o,s){t[o]=e[o]?function(a){return(n=
!n)?{value:N(e[o](a)),done:!1}:s?s(a):a}:s}};function dn(e,...t){let[n,r,o]=bl(t),s=e,a;return o?.propagateDownStreamError===!0&&(s=a=Pa(s)),s=de(s,...n,{propagateDownStreamError:!1}),
r(s).catch(i=>a?a.abort(i).then(()=>Promise.reject(i)):Promise.reject(i))}function bl(e){let t;typeof e[e.length-1]!="function"&&(t=e.pop());let n=e.pop();return[
e,n,t]}function de(e,...t){return ae(this,arguments,function*(){var r;let[o,s]=gl(t),a,i=e[Symbol.asyncIterator](),u={[Symbol.asyncIterator](){return i}};s?.propagateDownStreamError===
!0&&(u=a=Pa(u));for(let p of o)u=p(u);let m=u[Symbol.asyncIterator]();try{for(;;){let p=yield N(m.next());if(p.done===!0)break;if(!a){yield yield N(p.value);continue}
try{yield yield N(p.value)}catch(d){throw yield N(a.abort(d)),d}}}finally{s?.propagateDownStreamError===!0&&((r=i.return)===null||r===void 0||r.call(i).catch(()=>{}))}})}
function gl(e){let t;return typeof e[e.length-1]!="function"&&(t=e.pop()),[e,t]}function Ve(e,t,n){return t===void 0||n===void 0?function(r){return ae(this,arguments,function*(){var o,s,a,i;try{for(var c=!0,u=fe(r),m;m=yield N(u.next()),o=m.
done,!o;c=!0){i=m.value,c=!1;let p=i,d=e.serialize(p);yield yield N({flags:0,data:d})}}catch(p){s={error:p}}finally{try{!c&&!o&&(a=u.return)&&(yield N(a.call(u)))}finally{
if(s)throw s.error}}})}:function(r){return ae(this,arguments,function*(){var o,s,a,i;try{for(var c=!0,u=fe(r),m;m=yield N(u.next()),o=m.done,!o;c=!0){i=m.value,
c=!1;let p=i,d,f=0;p.end?(f=f|t,d=n.serialize(p.value)):d=e.serialize(p.value),yield yield N({flags:f,data:d})}}catch(p){s={error:p}}finally{try{!c&&!o&&(a=u.return)&&
(yield N(a.call(u)))}finally{if(s)throw s.error}}})}}function Be(e,t,n){return n&&t!==void 0?function(r){return ae(this,arguments,function*(){var o,s,a,i;try{for(var c=!0,
u=fe(r),m;m=yield N(u.next()),o=m.done,!o;c=!0){i=m.value,c=!1;let{flags:p,data:d}=i;(p&t)===t?yield yield N({value:n.parse(d),end:!0}):yield yield N({value:e.parse(
d),end:!1})}}catch(p){s={error:p}}finally{try{!c&&!o&&(a=u.return)&&(yield N(a.call(u)))}finally{if(s)throw s.error}}})}:function(r){return ae(this,arguments,function*(){
var o,s,a,i;try{for(var c=!0,u=fe(r),m;m=yield N(u.next()),o=m.done,!o;c=!0){i=m.value,c=!1;let{flags:p,data:d}=i;if(t!==void 0&&(p&t)===t){if(n===null)throw new b(
"unexpected end flag",y.InvalidArgument);continue}yield yield N(e.parse(d))}}catch(p){s={error:p}}finally{try{!c&&!o&&(a=u.return)&&(yield N(a.call(u)))}finally{
if(s)throw s.error}}})}}function Ge(e,t){return function(n){return ae(this,arguments,function*(){var r,o,s,a;try{for(var i=!0,c=fe(n),u;u=yield N(c.next()),r=u.
done,!r;i=!0)a=u.value,i=!1,yield yield N(yield N(Jr(a,e,t)))}catch(m){o={error:m}}finally{try{!i&&!r&&(s=c.return)&&(yield N(s.call(c)))}finally{if(o)throw o.error}}})}}
function We(e,t){return function(n){return ae(this,arguments,function*(){var r,o,s,a;try{for(var i=!0,c=fe(n),u;u=yield N(c.next()),r=u.done,!r;i=!0)a=u.value,i=
!1,yield yield N(yield N(jr(a,e,t)))}catch(m){o={error:m}}finally{try{!i&&!r&&(s=c.return)&&(yield N(s.call(c)))}finally{if(o)throw o.error}}})}}function Ye(){return function(e){
return ae(this,arguments,function*(){var t,n,r,o;try{for(var s=!0,a=fe(e),i;i=yield N(a.next()),t=i.done,!t;s=!0){o=i.value,s=!1;let{flags:c,data:u}=o;yield yield N(
vt(c,u))}}catch(c){n={error:c}}finally{try{!s&&!t&&(r=a.return)&&(yield N(r.call(a)))}finally{if(n)throw n.error}}})}}function Ke(e){return function(t){return ae(
this,arguments,function*(){var n,r,o,s;let a=Kr(e);try{for(var i=!0,c=fe(t),u;u=yield N(c.next()),n=u.done,!n;i=!0){s=u.value,i=!1;let m=s;for(let p of a.decode(
m))yield yield N(p)}}catch(m){r={error:m}}finally{try{!i&&!n&&(o=c.return)&&(yield N(o.call(c)))}finally{if(r)throw r.error}}if(a.byteLength>0)throw new b("prot\
ocol error: incomplete envelope",y.InvalidArgument)})}}function Pa(e){let t=e[Symbol.asyncIterator]();if(t.throw===void 0)throw new Error("AsyncIterable does not implement throw");let n=t,r,o,s={next(){return o=n.next().
finally(()=>{o=void 0}),o},throw(i){return n.throw(i)}};t.return!==void 0&&(s=Object.assign(Object.assign({},s),{return(i){return n.return(i)}}));let a=!1;return{
abort(i){if(r)return r.state;let c=()=>n.throw(i).then(u=>u.done===!0?"completed":"caught",()=>"rethrown");return o?(r={reason:i,state:o.then(c,c)},r.state):(r=
{reason:i,state:c()},r.state)},[Symbol.asyncIterator](){if(a)throw new Error("AsyncIterable cannot be re-used");return a=!0,s}}}function pn(e){return ae(this,arguments,function*(){yield N(yield*yl(fe(e)))})}function Fa(...e){let t=new AbortController,n=e.filter(o=>o!==void 0).concat(t.signal);for(let o of n){if(o.aborted){r.apply(o);break}o.addEventListener("abort",
r)}function r(){t.signal.aborted||t.abort(hn(this));for(let o of n)o.removeEventListener("abort",r)}return t}function $a(e){let t=new AbortController,n=()=>{t.abort(
new b("the operation timed out",y.DeadlineExceeded))},r;return e!==void 0&&(e<=0?n():r=setTimeout(n,e)),{signal:t.signal,cleanup:()=>clearTimeout(r)}}function hn(e){
if(!e.aborted)return;if(e.reason!==void 0)return e.reason;let t=new Error("This operation was aborted");return t.name="AbortError",t}function ie(){return{get(e){return e.id in this?this[e.id]:e.defaultValue},set(e,t){return this[e.id]=t,this},delete(e){return delete this[e.id],this}}}function wl(e){let t=new Headers,n=new TextDecoder().decode(e).split(`\r
`);for(let r of n){if(r==="")continue;let o=r.indexOf(":");if(o>0){let s=r.substring(0,o).trim(),a=r.substring(o+1).trim();t.append(s,a)}}return t}function El(e){
let t=[];return e.forEach((n,r)=>{t.push(`${r}: ${n}\r
`)}),new TextEncoder().encode(t.join(""))}function Xr(){return{serialize:El,parse:wl}}var Te="Content-Type",pe="Grpc-Encoding",Nt="Grpc-Accept-Encoding",St="Grpc-Timeout",B="Grpc-Status",Tt="Grpc-Message";var Zr="Grpc-Status-Details-Bin";var xe="User-Agent";var zr="X-User-Agent",Va="X-Grpc-Web";var Ba="application/grpc-web+proto",Ga="application/grpc-web+json";var vl=$("CgxzdGF0dXMucHJvdG8SCmdvb2dsZS5ycGMiTgoGU3RhdHVzEgwKBGNvZGUYASABKAUSDwoHbWVzc2FnZRgCIAEoCRIlCgdkZXRhaWxzGAMgAygLMhQuZ29vZ2xlLnByb3RvYnVmLkFueUJeCg5jb2\
0uZ29vZ2xlLnJwY0ILU3RhdHVzUHJvdG9QAVo3Z29vZ2xlLmdvbGFuZy5vcmcvZ2VucHJvdG8vZ29vZ2xlYXBpcy9ycGMvc3RhdHVzO3N0YXR1c6ICA1JQQ2IGcHJvdG8z",[gt]),Wa=se(vl,0);var Ie="Content-Type",Ya="Content-Length",xt="Content-Encoding";var qr="Accept-Encoding";var Ka="Connect-Timeout-Ms",yn="Connect-Protocol-Version";var Qr="User-Agent";var Sl="0";function He(e){var t;let n=e.get(Zr);if(n!=null){let o=Gr(n,Wa);if(o.code==0)return;let s=new b(o.message,o.code,e);return s.details=o.details.map(a=>({type:a.typeUrl.
substring(a.typeUrl.lastIndexOf("/")+1),value:a.value})),s.isWireError=!0,s}let r=e.get(B);if(r!=null){if(r===Sl)return;let o=parseInt(r,10),s;return o in y?s=new b(
decodeURIComponent((t=e.get(Tt))!==null&&t!==void 0?t:""),o,e):s=new b(`invalid grpc-status: ${r}`,y.Internal,e),s.isWireError=!0,s}}function ce(e,t){return e.toString().replace(/\/?$/,`/${t.parent.typeName}/${t.name}`)}function eo(e,t){return A(e,t)}function Ha(e,t){function n(r){return r.done===!0?r:{done:r.done,value:eo(e,r.value)}}return{[Symbol.asyncIterator](){let r=t[Symbol.
asyncIterator](),o={next:()=>r.next().then(n)};return r.throw!==void 0&&(o.throw=s=>r.throw(s).then(n)),r.return!==void 0&&(o.return=s=>r.return(s).then(n)),o}}}function to(e,t){if(!t)return e;for(let n of t.concat().reverse())e=n(e);return e}function wn(e){var t;let n=Object.assign({},e);return(t=n.ignoreUnknownFields)!==null&&t!==void 0||(n.ignoreUnknownFields=!0),n}function Oe(e,t,n,r){let o=It(bn(
e.input,t),r),s=It(gn(e.input,n),r),a=It(bn(e.output,t),r),i=It(gn(e.output,n),r);return{getI(c){return c?o:s},getO(c){return c?a:i}}}function En(e,t,n,r){let o=t?
bn(e.input,r):gn(e.input,n);return{parse:(t?bn(e.output,r):gn(e.output,n)).parse,serialize:o.serialize}}function It(e,t){return{serialize(n){let r=e.serialize(n);
return Ma(t.writeMaxBytes,r.byteLength),r},parse(n){return fn(t.readMaxBytes,n.byteLength,!0),e.parse(n)}}}function bn(e,t){return{parse(n){try{return H(e,n,t)}catch(r){
let o=r instanceof Error?r.message:String(r);throw new b(`parse binary: ${o}`,y.Internal)}},serialize(n){try{return Ue(e,n,t)}catch(r){let o=r instanceof Error?
r.message:String(r);throw new b(`serialize binary: ${o}`,y.Internal)}}}}function gn(e,t){var n,r;let o=(n=t?.textEncoder)!==null&&n!==void 0?n:new TextEncoder,s=(r=
t?.textDecoder)!==null&&r!==void 0?r:new TextDecoder,a=wn(t);return{parse(i){try{let c=s.decode(i);return ln(e,c,a)}catch(c){throw b.from(c,y.InvalidArgument)}},
serialize(i){try{let c=cn(e,i,a);return o.encode(c)}catch(c){throw b.from(c,y.Internal)}}}}var Tl=/^application\/grpc(?:\+(?:(json)(?:; ?charset=utf-?8)?|proto))?$/i,Ja="application/grpc+proto",ja="application/grpc+json";function Xa(e){let t=e?.match(
Tl);return t?{binary:!t[1]}:void 0}var xl=/^application\/(connect\+)?(?:(json)(?:; ?charset=utf-?8)?|(proto))$/i;var Za="application/proto",za="application/json",qa="application/connect+proto",Qa="application/connect+json";function ei(e){let t=e?.match(xl);if(!t)return;let n=!!t[1],r=!!t[3];return{stream:n,binary:r}}function Ot(e,t,n){var r;if(t&&new Headers(t).forEach((i,c)=>n.metadata.append(c,i)),typeof e!="object"||e==null||Array.isArray(e))throw n;let o=n.code;"code"in
e&&typeof e.code=="string"&&(o=(r=Ua(e.code))!==null&&r!==void 0?r:o);let s=e.message;if(s!=null&&typeof s!="string")throw n;let a=new b(s??"",o,t);if(a.isWireError=
!0,"details"in e&&Array.isArray(e.details))for(let i of e.details){if(i===null||typeof i!="object"||Array.isArray(i)||typeof i.type!="string"||typeof i.value!="\
string")throw n;try{a.details.push({type:i.type,value:oe(i.value),debug:i.debug})}catch{throw n}}return a}var vn=2;function no(e){let t=new b("invalid end stream",y.Unknown),n;try{n=JSON.parse(typeof e=="string"?e:new TextDecoder().decode(e))}catch{throw t}if(typeof n!=
"object"||n==null||Array.isArray(n))throw t;let r=new Headers;if("metadata"in n){if(typeof n.metadata!="object"||n.metadata==null||Array.isArray(n.metadata))throw t;
for(let[s,a]of Object.entries(n.metadata)){if(!Array.isArray(a)||a.some(i=>typeof i!="string"))throw t;for(let i of a)r.append(s,i)}}let o="error"in n&&n.error!=
null?Ot(n.error,r,t):void 0;return{metadata:r,error:o}}function ti(e){switch(e){case 400:return y.Internal;case 401:return y.Unauthenticated;case 403:return y.PermissionDenied;case 404:return y.Unimplemented;case 429:
return y.Unavailable;case 502:return y.Unavailable;case 503:return y.Unavailable;case 504:return y.Unavailable;default:return y.Unknown}}function Nn(e){let t=new Headers,n=new Headers;return e.forEach((r,o)=>{o.toLowerCase().startsWith("trailer-")?n.append(o.substring(8),r):t.append(o,r)}),[t,n]}var Sn="1";function Tn(e,t,n,r,o){let s=new Headers(r??{});return n!==void 0&&s.set(Ka,`${n}`),s.set(Ie,e=="unary"?t?Za:za:t?qa:Qa),s.set(yn,Sn),!s.has(Qr)&&o&&s.set(Qr,"c\
onnect-es/2.2.0"),s}function xn(e,t,n,r){let o=r.get(Ie),s=ei(o);if(n!==200){let i=new b(`HTTP ${n}`,ti(n),r);if(e=="unary"&&s&&!s.binary)return{isUnaryError:!0,unaryError:i};throw i}
let a={binary:t,stream:e!=="unary"};if(s?.binary!==a.binary||s.stream!==a.stream)throw new b(`unsupported content type ${o}`,s===void 0?y.Unknown:y.Internal,r);
return{isUnaryError:!1}}var ni="application/";function _l(e,t){return t?Re(e,"url"):encodeURIComponent(new TextDecoder().decode(e))}function ro(e,t,n){let r=`?connect=v${Sn}`,o="",s=e.
header.get(xt);s!==null&&s!=="identity"&&(o="&compression="+encodeURIComponent(s),n=!0),n&&(r+="&base64=1"),r+=o;let a=e.header.get(Ie);a?.indexOf(ni)===0&&(r+=
"&encoding="+encodeURIComponent(a.slice(ni.length))),r+="&message="+_l(t,n);let i=e.url+r,c=new Headers(e.header);for(let u of[yn,Ie,Ya,xt,qr])c.delete(u);return Object.
assign(Object.assign({},e),{requestMethod:"GET",url:i,header:c})}function _e(e){let t=to(e.next,e.interceptors),[n,r,o]=ri(e),s=Object.assign(Object.assign({},e.req),{message:eo(e.req.method.input,e.req.message),signal:n});return t(
s).then(a=>(o(),a),r)}function Ae(e){let t=to(e.next,e.interceptors),[n,r,o]=ri(e),s=Object.assign(Object.assign({},e.req),{message:Ha(e.req.method.input,e.req.
message),signal:n}),a=!1;return n.addEventListener("abort",function(){var i,c;let u=e.req.message[Symbol.asyncIterator]();a||(i=u.throw)===null||i===void 0||i.call(
u,this.reason).catch(()=>{}),(c=u.return)===null||c===void 0||c.call(u).catch(()=>{})}),t(s).then(i=>Object.assign(Object.assign({},i),{message:{[Symbol.asyncIterator](){
let c=i.message[Symbol.asyncIterator]();return{next(){return!a&&n.aborted?r(hn(n)):c.next().then(u=>(u.done==!0&&(a=!0,o()),u),r)}}}}}),r)}function ri(e){let{signal:t,
cleanup:n}=$a(e.timeoutMs),r=Fa(e.signal,t);return[r.signal,function(s){let a=r.signal.aborted?b.from(hn(r.signal),y.Canceled):b.from(s);return r.abort(a),n(),Promise.
reject(a)},function(){n(),r.abort()}]}function Al(e,t,n){let r=new Headers(n??{});return r.set(Te,e?Ja:ja),r.has(xe)||r.set(xe,"connect-es/2.2.0"),t!==void 0&&r.set(St,`${t}m`),r.set("Te","trailers"),
r}function oo(e,t,n,r,o){let s=Al(e,t,n);return o!=null&&s.set(pe,o.name),r.length>0&&s.set(Nt,r.map(a=>a.name).join(",")),s}function In(e){switch(e){case 400:return y.Internal;case 401:return y.Unauthenticated;case 403:return y.PermissionDenied;case 404:return y.Unimplemented;case 429:
return y.Unavailable;case 502:return y.Unavailable;case 503:return y.Unavailable;case 504:return y.Unavailable;default:return y.Unknown}}function Cl(e,t){if(e!=200)throw new b(`HTTP ${e}`,In(e),t);let n=t.get(Te);if(Xa(n)==null)throw new b(`unsupported content type ${n}`,y.Unknown);return{foundStatus:t.
has(B),headerError:He(t)}}function so(e,t,n){let{foundStatus:r,headerError:o}=Cl(t,n),s,a=n.get(pe);if(a!==null&&a.toLowerCase()!=="identity"&&(s=e.find(i=>i.name===
a),!s))throw new b(`unsupported response encoding "${a}"`,y.Internal,n);return{foundStatus:r,compression:s,headerError:o}}function Je(e,t){let n=He(e);if(n)throw t.forEach((r,o)=>{n.metadata.append(o,r)}),n;if(!t.has(B)&&!e.has(B))throw new b("protocol error: missing status",y.Internal)}var oi=function(e){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is not defined.");var t=e[Symbol.asyncIterator],n;return t?t.call(e):(e=typeof __values==
"function"?__values(e):e[Symbol.iterator](),n={},r("next"),r("throw"),r("return"),n[Symbol.asyncIterator]=function(){return this},n);function r(s){n[s]=e[s]&&function(a){
return new Promise(function(i,c){a=e[s](a),o(i,c,a.done,a.value)})}}function o(s,a,i,c){Promise.resolve(c).then(function(u){s({value:u,done:i})},a)}},_t=function(e){
return this instanceof _t?(this.v=e,this):new _t(e)},Ll=function(e){var t,n;return t={},r("next"),r("throw",function(o){throw o}),r("return"),t[Symbol.iterator]=
function(){return this},t;function r(o,s){t[o]=e[o]?function(a){return(n=!n)?{value:_t(e[o](a)),done:!1}:s?s(a):a}:s}},Rl=function(e,t,n){if(!Symbol.asyncIterator)
throw new TypeError("Symbol.asyncIterator is not defined.");var r=n.apply(e,t||[]),o,s=[];return o=Object.create((typeof AsyncIterator=="function"?AsyncIterator:
Object).prototype),i("next"),i("throw"),i("return",a),o[Symbol.asyncIterator]=function(){return this},o;function a(f){return function(h){return Promise.resolve(
h).then(f,p)}}function i(f,h){r[f]&&(o[f]=function(g){return new Promise(function(w,E){s.push([f,g,w,E])>1||c(f,g)})},h&&(o[f]=h(o[f])))}function c(f,h){try{u(r[f](
h))}catch(g){d(s[0][3],g)}}function u(f){f.value instanceof _t?Promise.resolve(f.value.v).then(m,p):d(s[0][2],f)}function m(f){c("next",f)}function p(f){c("thro\
w",f)}function d(f,h){f(h),s.shift(),s.length&&c(s[0][0],s[0][1])}};function ao(e){return{async unary(t,n,r,o,s,a){let i=Oe(t,e.binaryOptions,e.jsonOptions,e);return r=
r===void 0?e.defaultTimeoutMs:r<=0?void 0:r,await _e({interceptors:e.interceptors,signal:n,timeoutMs:r,req:{stream:!1,service:t.parent,method:t,requestMethod:"P\
OST",url:ce(e.baseUrl,t),header:oo(e.useBinaryFormat,r,o,e.acceptCompression,e.sendCompression),contextValues:a??ie(),message:s},next:async c=>{let u=await e.httpClient(
{url:c.url,method:"POST",header:c.header,signal:c.signal,body:de(pn([c.message]),Ve(i.getI(e.useBinaryFormat)),Ge(e.sendCompression,e.compressMinBytes),Ye(),{propagateDownStreamError:!0})}),
{compression:m,headerError:p}=so(e.acceptCompression,u.status,u.header),d=await dn(u.body,Ke(e.readMaxBytes),We(m??null,e.readMaxBytes),Be(i.getO(e.useBinaryFormat)),
async f=>{var h,g,w,E;let O;try{for(var C=!0,R=oi(f),M;M=await R.next(),h=M.done,!h;C=!0){E=M.value,C=!1;let G=E;if(O!==void 0)throw new b("protocol error: rece\
ived extra output message for unary method",y.Unimplemented);O=G}}catch(G){g={error:G}}finally{try{!C&&!h&&(w=R.return)&&await w.call(R)}finally{if(g)throw g.error}}
return O},{propagateDownStreamError:!1});if(Je(u.trailer,u.header),d===void 0)throw p||new b("protocol error: missing output message for unary method",u.trailer.
has(B)?y.Unimplemented:y.Unknown);if(p)throw new b("protocol error: received output message for unary method with error status",y.Unknown);return{stream:!1,service:t.
parent,method:t,header:u.header,message:d,trailer:u.trailer}}})},async stream(t,n,r,o,s,a){let i=Oe(t,e.binaryOptions,e.jsonOptions,e);return r=r===void 0?e.defaultTimeoutMs:
r<=0?void 0:r,Ae({interceptors:e.interceptors,signal:n,timeoutMs:r,req:{stream:!0,service:t.parent,method:t,requestMethod:"POST",url:ce(e.baseUrl,t),header:oo(e.
useBinaryFormat,r,o,e.acceptCompression,e.sendCompression),contextValues:a??ie(),message:s},next:async c=>{let u=await e.httpClient({url:c.url,method:"POST",header:c.
header,signal:c.signal,body:de(c.message,Ve(i.getI(e.useBinaryFormat)),Ge(e.sendCompression,e.compressMinBytes),Ye(),{propagateDownStreamError:!0})}),{compression:m,
foundStatus:p,headerError:d}=so(e.acceptCompression,u.status,u.header);if(d)throw d;return Object.assign(Object.assign({},c),{header:u.header,trailer:u.trailer,
message:de(u.body,Ke(e.readMaxBytes),We(m??null,e.readMaxBytes),Be(i.getO(e.useBinaryFormat)),function(h){return Rl(this,arguments,function*(){yield _t(yield*Ll(
oi(h))),p||Je(u.trailer,u.header)})},{propagateDownStreamError:!0})})}})}}}function kl(e,t,n,r){var o,s;let a=new Headers(n??{});a.set(Te,e?Ba:Ga),a.set(Va,"1");let i=(s=(o=a.get(xe))!==null&&o!==void 0?o:a.get(zr))!==null&&s!==void 0?
s:"connect-es/2.2.0";return a.set(zr,i),r&&a.set(xe,i),t!==void 0&&a.set(St,`${t}m`),a}function io(e,t,n,r,o,s){let a=kl(e,t,n,s);return o!=null&&a.set(pe,o.name),
r.length>0&&a.set(Nt,r.map(i=>i.name).join(",")),a}function Dl(e,t){var n;if(e>=200&&e<300)return{foundStatus:t.has(B),headerError:He(t)};throw new b(decodeURIComponent((n=t.get(Tt))!==null&&n!==void 0?n:`HTTP ${e}`),
In(e),t)}function co(e,t,n){let{foundStatus:r,headerError:o}=Dl(t,n),s,a=n.get(pe);if(a!==null&&a.toLowerCase()!=="identity"&&(s=e.find(i=>i.name===a),!s))throw new b(
`unsupported response encoding "${a}"`,y.Internal,n);return{foundStatus:r,compression:s,headerError:o}}var ai=function(e){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is not defined.");var t=e[Symbol.asyncIterator],n;return t?t.call(e):(e=typeof __values==
"function"?__values(e):e[Symbol.iterator](),n={},r("next"),r("throw"),r("return"),n[Symbol.asyncIterator]=function(){return this},n);function r(s){n[s]=e[s]&&function(a){
return new Promise(function(i,c){a=e[s](a),o(i,c,a.done,a.value)})}}function o(s,a,i,c){Promise.resolve(c).then(function(u){s({value:u,done:i})},a)}},we=function(e){
return this instanceof we?(this.v=e,this):new we(e)},Ul=function(e,t,n){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is not defined.");var r=n.
apply(e,t||[]),o,s=[];return o=Object.create((typeof AsyncIterator=="function"?AsyncIterator:Object).prototype),i("next"),i("throw"),i("return",a),o[Symbol.asyncIterator]=
function(){return this},o;function a(f){return function(h){return Promise.resolve(h).then(f,p)}}function i(f,h){r[f]&&(o[f]=function(g){return new Promise(function(w,E){
s.push([f,g,w,E])>1||c(f,g)})},h&&(o[f]=h(o[f])))}function c(f,h){try{u(r[f](h))}catch(g){d(s[0][3],g)}}function u(f){f.value instanceof we?Promise.resolve(f.value.
v).then(m,p):d(s[0][2],f)}function m(f){c("next",f)}function p(f){c("throw",f)}function d(f,h){f(h),s.shift(),s.length&&c(s[0][0],s[0][1])}};function uo(e){return{
async unary(t,n,r,o,s,a){let i=Oe(t,e.binaryOptions,e.jsonOptions,e);return r=r===void 0?e.defaultTimeoutMs:r<=0?void 0:r,await _e({interceptors:e.interceptors,
signal:n,timeoutMs:r,req:{stream:!1,service:t.parent,method:t,requestMethod:"POST",url:ce(e.baseUrl,t),header:io(e.useBinaryFormat,r,o,e.acceptCompression,e.sendCompression,
!0),contextValues:a??ie(),message:s},next:async c=>{let u=await e.httpClient({url:c.url,method:c.requestMethod,header:c.header,signal:c.signal,body:de(pn([c.message]),
Ve(i.getI(e.useBinaryFormat)),Ge(e.sendCompression,e.compressMinBytes),Ye(),{propagateDownStreamError:!0})}),{compression:m,headerError:p}=co(e.acceptCompression,
u.status,u.header),{trailer:d,message:f}=await dn(u.body,Ke(e.readMaxBytes),We(m??null,e.readMaxBytes),Be(i.getO(e.useBinaryFormat),128,Xr()),async h=>{var g,w,
E,O;let C,R;try{for(var M=!0,G=ai(h),V;V=await G.next(),g=V.done,!g;M=!0){O=V.value,M=!1;let j=O;if(j.end){if(R!==void 0)throw new b("protocol error: received e\
xtra trailer",y.Unimplemented);R=j.value}else{if(C!==void 0)throw new b("protocol error: received extra output message for unary method",y.Unimplemented);C=j.value}}}catch(j){
w={error:j}}finally{try{!M&&!g&&(E=G.return)&&await E.call(G)}finally{if(w)throw w.error}}return{trailer:R,message:C}},{propagateDownStreamError:!1});if(d===void 0)
throw p??new b("protocol error: missing trailer",u.header.has(B)?y.Unimplemented:y.Unknown);if(Je(d,u.header),f===void 0)throw new b("protocol error: missing ou\
tput message for unary method",d.has(B)?y.Unimplemented:y.Unknown);return{stream:!1,service:t.parent,method:t,header:u.header,message:f,trailer:d}}})},async stream(t,n,r,o,s,a){
let i=Oe(t,e.binaryOptions,e.jsonOptions,e);return r=r===void 0?e.defaultTimeoutMs:r<=0?void 0:r,Ae({interceptors:e.interceptors,signal:n,timeoutMs:r,req:{stream:!0,
service:t.parent,method:t,requestMethod:"POST",url:ce(e.baseUrl,t),header:io(e.useBinaryFormat,r,o,e.acceptCompression,e.sendCompression,!0),contextValues:a??ie(),
message:s},next:async c=>{let u=await e.httpClient({url:c.url,method:c.requestMethod,header:c.header,signal:c.signal,body:de(c.message,Ve(i.getI(e.useBinaryFormat)),
Ge(e.sendCompression,e.compressMinBytes),Ye(),{propagateDownStreamError:!0})}),{compression:m,foundStatus:p,headerError:d}=co(e.acceptCompression,u.status,u.header);
if(d)throw d;let f=Object.assign(Object.assign({},c),{header:u.header,trailer:new Headers,message:de(u.body,Ke(e.readMaxBytes),We(m??null,e.readMaxBytes),Be(i.getO(
e.useBinaryFormat),128,Xr()),function(h){return Ul(this,arguments,function*(){var g,w,E,O;if(p){if((yield we(h[Symbol.asyncIterator]().next())).done!==!0)throw new b(
"protocol error: extra data for trailers-only",y.InvalidArgument);return yield we(void 0)}let C=!1;try{for(var R=!0,M=ai(h),G;G=yield we(M.next()),g=G.done,!g;R=
!0){O=G.value,R=!1;let V=O;if(V.end){if(C)throw new b("protocol error: received extra trailer",y.InvalidArgument);C=!0,Je(V.value,u.header),V.value.forEach((j,at)=>f.
trailer.set(at,j));continue}if(C)throw new b("protocol error: received extra message after trailer",y.InvalidArgument);yield yield we(V.value)}}catch(V){w={error:V}}finally{
try{!R&&!g&&(E=M.return)&&(yield we(E.call(M)))}finally{if(w)throw w.error}}if(!C)throw new b("protocol error: missing trailer",y.Internal)})},{propagateDownStreamError:!0})});
return f}})}}}var L=class extends Error{constructor(n,r,o){super(n,o);this.code=r}code;name="LaneError"},U=class extends Error{name="Unreached"};var Ml=/^(te|host|connection|content-length|user-agent|transfer-encoding|keep-alive|upgrade|trailer|http2-settings|proxy-.*)$/,Pl=/^[0-9a-z_.-]+$/,Fl=/^[\t\x20-\x7e\x80-\xff]*$/,
$l=/^([0-9a-z_.-]+):([\t\x20-\x7e\x80-\xff]*)$/;function ui(e,t){let n=e===void 0?"":ii(":path",e);for(let[r,o]of t){if(Ml.test(r))continue;if(!Pl.test(r)||!Fl.
test(o))throw new b(`the header ${JSON.stringify(r)} cannot be sent`,y.Internal);let s=r.endsWith("-bin")?o.replaceAll("=","").split(/[ \t]*,[ \t]*/):[o];for(let a of s)
n+=ii(r,a)}return Uint8Array.from(n,r=>r.charCodeAt(0))}function lo(e){let t="";for(let o of e)t+=String.fromCharCode(o);let n=t.split(`\r
`);if(n.pop()!=="")throw ci();let r=new Headers;for(let o of n){let[,s,a]=$l.exec(o)??[];if(s===void 0||a===void 0)throw ci();r.append(s,a)}return r}function ii(e,t){
return`${e}: ${t}\r
`}function ci(){return new b("the gateway sent a malformed header block",y.Internal)}var Y=0,je=32,Xe=33,Vl=35;function li(e){return e===void 0||e===je?y.Unavailable:e===Vl?y.ResourceExhausted:e>=y.Canceled&&e<=y.Unauthenticated?e:y.Internal}var Bl=0,Gl=1,he=64,ye=128,mo=32,On=36,mi=40,Ct=44,_n=48,J=5,Wl=16*1024,Yl=64*1024;function Lt(e,t){let n=new Uint8Array(J+t.byteLength);return n[0]=e,new DataView(
n.buffer).setUint32(1,t.byteLength),n.set(t,J),n}var At=class{#e;#t=[];#n=0;#r;constructor(t){this.#e=t}push(t){t.byteLength!==0&&(this.#t.push(t),this.#n+=t.byteLength)}next(){
if(this.#r===void 0){if(this.#n<J)return;this.#r=J+this.#o()}if(this.#n<this.#r)return;let t=this.#s(this.#r);return this.#r=void 0,{flags:t[0],payload:t.subarray(
J),bytes:t}}get isAtBorder(){return this.#n===0}#o(){let t=new Uint8Array(J);for(let o=0,s=0;s<J;o+=1){let a=this.#t[o].subarray(0,J-s);t.set(a,s),s+=a.byteLength}
let n=new DataView(t.buffer).getUint32(1),r=Kl(t[0],this.#e);if(n>r){let o=`a frame of ${n} bytes is larger than the limit of ${r}`;throw new b(o,y.ResourceExhausted)}
return n}#s(t){this.#n-=t;let n=this.#t[0];if(n.byteLength>t)return this.#t[0]=n.subarray(t),n.subarray(0,t);if(n.byteLength===t)return this.#t.shift(),n;let r=new Uint8Array(
t),o=0,s=0;for(;o<t;){let a=this.#t[s],i=a.subarray(0,t-o);r.set(i,o),o+=i.byteLength,i.byteLength<a.byteLength?this.#t[s]=a.subarray(i.byteLength):s+=1}return this.#t.
splice(0,s),r}};function Kl(e,t){if(e&mo)return Wl;if(e===Bl||e===Gl)return t;if(e===he||e===ye)return Yl;throw new b(`a frame with unknown flags 0x${e.toString(
16)}`,y.Internal)}var Hl=64*1024,Jl=3;function pi(e,t){return n=>new fo(e,t.readMaxBytes,n).start()}var fo=class{#e;#t;#n;#r;#o;#s;#a=[];#i=0;#c;#l;#u=!1;#m;constructor(t,n,r){this.#e=
t,this.#t=n,this.#n=r,this.#r=r.signal??new AbortController().signal,this.#o=(r.body??di())[Symbol.asyncIterator](),this.#l=new At(n)}async start(){this.#r.addEventListener(
"abort",this.#E);try{if(this.#r.aborted)throw b.from(this.#r.reason,y.Canceled);let t=await this.#f(this.#d());this.#a=void 0;let n=new Headers;if(t.flags===ye)
return this.#h(t,n),{status:200,header:fi(new Headers),body:di(),trailer:n};if(t.flags!==he)throw new b("the response does not begin with headers",y.Internal);return{
status:200,header:fi(lo(t.payload)),body:this.#p(n),trailer:n}}catch(t){throw this.#y(t)}}#d(){let t=`/${this.#n.url.split("/").slice(-2).join("/")}`;return Lt(
he,ui(t,this.#n.header))}async#f(t){for(let n=1;;n+=1){let r=await this.#e(this.#r);if(this.#m)throw r.cancel(this.#m.code),this.#m;this.#c=r,this.#l=new At(this.#t),
this.#g(r,t);try{return await this.#w(r)}catch(o){let s=o instanceof L&&o.code===je;if(s&&r.draining(),!s||!this.#a||n===Jl)throw o;r.cancel(Y),this.#c=void 0}}}async#g(t,n){
try{await t.send(n);for(let r of[...this.#a??[]])await t.send(r);for(;;){this.#s??=this.#o.next();let r=await this.#s;if(this.#c!==t)return;if(this.#s=void 0,r.
done)break;this.#b(r.value),await t.send(r.value)}await t.send(Lt(ye,new Uint8Array)),await t.finish()}catch(r){r instanceof L||this.#y(r)}}#b(t){this.#a&&(this.#i+=
t.byteLength,this.#i>Hl?this.#a=void 0:this.#a.push(t))}async*#p(t){try{for(;!this.#u;){let n=await this.#w(this.#c);if(n.flags===ye)this.#h(n,t);else{if(n.flags===
he)throw new b("the response has headers twice",y.Internal);yield n.bytes}}if(this.#m)throw this.#m}catch(n){throw this.#y(n)}finally{this.#y(new b("the respons\
e was not read to its end",y.Canceled))}}async#w(t){for(;;){let n=this.#l.next();if(n===void 0){let r=await t.receive();if(r===void 0)throw new b("the response \
ended before its trailers",y.Internal);this.#l.push(r)}else if(n.flags===On)t.draining();else{if(n.flags===_n)throw new L("the gateway takes no new calls",je);if(!(n.
flags&mo))return n}}}#h(t,n){lo(t.payload).forEach((r,o)=>n.append(o,r)),this.#v(Y)}#E=()=>{this.#y(b.from(this.#r.reason,y.Canceled))};#y(t){let n=this.#m??jl(
t);return this.#u||(this.#m=n),this.#v(n.code),n}#v(t){this.#u||(this.#u=!0,this.#c?.cancel(t),this.#c=void 0,this.#o.return?.().catch(()=>{}))}};function jl(e){
let t=e instanceof L?li(e.code):e instanceof U?y.Unavailable:y.Unknown;return b.from(e,t)}function fi(e){return e.has("content-type")||e.set("content-type","app\
lication/grpc"),e}async function*di(){}function Ze(e,t){let n=yi(t),r=ao({...n,httpClient:bi(pi(e,n))});return{unary:r.unary,stream:(o,s,a,i,c,u)=>r.stream(o,s,a,i,Xl(c),u)}}function hi(e){let t=bi(Zl(
e.fetch??((r,o)=>fetch(r,o)))),n=uo({...yi(e),httpClient:t});return{unary:n.unary,stream:async(r,...o)=>{if(r.methodKind!=="server_streaming")throw new b("fetch\
 cannot stream from the client",y.Unimplemented);return n.stream(r,...o)}}}function yi(e){return{...e,useBinaryFormat:e.useBinaryFormat??!0,interceptors:e.interceptors??
[],acceptCompression:e.acceptCompression??[],sendCompression:e.sendCompression??null,compressMinBytes:e.compressMinBytes??1024,readMaxBytes:e.readMaxBytes??4*1024*
1024,writeMaxBytes:e.writeMaxBytes??4*1024*1024}}function Xl(e){let t=e[Symbol.asyncIterator](),n=async()=>await t.return?.()??{done:!0,value:void 0},r={next:()=>t.
next(),return:n,throw:o=>t.throw?.(o)??n()};return{[Symbol.asyncIterator]:()=>r}}function bi(e){return t=>{let n=parseFloat(t.header.get("grpc-timeout")??"");return n>
99999999?t.header.set("grpc-timeout",`${Math.ceil(n/1e3)}S`):n>0&&t.header.set("grpc-timeout",`${Math.ceil(n)}m`),e(t)}}function Zl(e){return async({url:t,method:n,
header:r,body:o,signal:s})=>{r.delete("user-agent");let a=[];for await(let c of o??[])a.push(new Uint8Array(c));let i=await gi(e(t,{method:n,headers:r,body:new Blob(
a),signal:s??null,redirect:"error"}));return{status:i.status,header:i.headers,body:zl(i),trailer:new Headers}}}async function*zl(e){let t=e.body?.getReader();if(t)
try{for(;;){let{done:n,value:r}=await gi(t.read());if(n)return;yield r}}finally{t.cancel().catch(()=>{})}}async function gi(e){try{return await e}catch(t){throw b.
from(t,y.Unavailable)}}function te(e,t){return new Promise((n,r)=>{let o=()=>r(t.reason);t.aborted&&o(),t.addEventListener("abort",o,{once:!0}),e.then(n,r).finally(()=>t.removeEventListener(
"abort",o))})}async function An(e,t){let n;try{await te(new Promise(r=>n=setTimeout(r,e)),t)}finally{clearTimeout(n)}}var Rt="grpc-ws-1-windows",wi=1e3,Cn=4e3,ql=Cn+1,Ql=[1001,1006,1012,1013];function Ei(e){return e===Y?wi:ql}function vi(e,t=""){if(e===wi)return;if(Ql.includes(
e))return new L(`the WebSocket was lost (${e})`,void 0);let n=e>Cn&&e<Cn+256?e-Cn:Xe;return new L(`the gateway closed the WebSocket with ${e}${t&&`: ${t}`}`,n)}
function Ni(e){if(e instanceof ArrayBuffer&&e.byteLength>=J&&new DataView(e).getUint32(1)===e.byteLength-J)return new Uint8Array(e);throw new L("the gateway sen\
t a WebSocket message that is not one frame",Xe)}function Si(){return new L(`the server did not agree on ${Rt}`,void 0)}var Ti=65536,em=128,tm=[he,ye,On,mi,Ct,_n],xi=1<<20,nm=xi/8,kt=class{#e=Ti;admits(t){return this.#e>0||po(t)===0}spend(t){this.#e-=po(t)}widen(t){this.#e+=t}},Ln=class{#e=new kt;#t=xi-
Ti;received(t){if(!this.#e.admits(t))throw new L("the gateway sent more than it was granted",Xe);this.#e.spend(t)}taken(t){this.#t+=po(t)}grant(){if(this.#t<nm)
return;let t=new Uint8Array(4);return new DataView(t.buffer).setUint32(0,this.#t),this.#e.widen(this.#t),this.#t=0,Lt(Ct,t)}};function Ii(e){let t=e.subarray(J);
if(t.length!==4)throw new L("the gateway sent a WINDOW frame whose payload is not a number",Xe);return new DataView(t.buffer,t.byteOffset).getUint32(0)}function po(e){
return tm.includes(e[0])?0:e.length+em}var rm=1<<20,om=32,Rn=class{constructor(t,n){this.socket=t;this.owner=n;t.binaryType="arraybuffer",this.opened=new Promise((r,o)=>{t.onopen=()=>t.protocol===Rt?
r():this.#c(Si()),this.#m().then(()=>this.#u()).catch(o)}),t.onerror=()=>{},t.onmessage=({data:r})=>this.#a(r),t.onclose=({code:r,reason:o})=>this.#l(vi(r,o))}socket;owner;carrier="\
websocket";opened;#e=[];#t=new kt;#n=new Ln;#r=!1;#o;#s=new Set;async send(t){for(this.#u();!this.#t.admits(t);)await this.#m(),this.#u();this.#t.spend(t),this.
socket.send(t),t[0]===he&&this.#i();for(let n=1;this.socket.bufferedAmount>rm;n=Math.min(2*n,om))await this.#m(n),this.#u()}async finish(){this.#u()}async receive(){
for(;this.#e.length===0&&!this.#o;)await this.#m();let t=this.#e.shift();if(t)this.#n.taken(t),this.#i();else if(this.#o?.error)throw this.#o.error;return t}cancel(t){
this.#c(new L("the call was given up",t),t)}lose(t){this.#c(new L(t,void 0))}draining(){this.owner.drain()}#a(t){if(!this.#o)try{let n=Ni(t);n[0]===Ct?this.#t.widen(
Ii(n)):(this.#n.received(n),this.#r||=n[0]===ye,this.#e.push(n)),this.#d()}catch(n){this.#c(n)}}#i(){if(this.#o||this.#r)return;let t=this.#n.grant();t&&this.socket.
send(t)}#c(t,n=1){this.#e=[],this.socket.close(Ei(n)),this.#l(t)}#l(t){this.#o||(this.#o={error:t},this.#d(),this.owner.release())}#u(){if(this.#o)throw this.#o.
error??new L("the response is complete",Y)}#m(t){return new Promise(n=>{let r=()=>{this.#s.delete(r),clearTimeout(o),n()},o=t===void 0?void 0:setTimeout(r,t);this.#s.
add(r)})}#d(){for(let t of this.#s)t()}};var ze=class{constructor(t,n){this.onState=n;this.#e={carrier:t,phase:"idle",failures:0}}onState;#e;becomes(t,n){let{carrier:r,failures:o,phase:s}=this.#e;if(t===
s&&t!=="down")return;let a=t==="open"?0:t==="down"?o+1:o;this.#e={carrier:r,phase:t,failures:a,...n!==void 0&&{error:n}};try{this.onState?.(this.#e)}catch{}}};var sm="/grpc-ws/v1",am=6,qe=class{constructor(t){this.options=t;let{baseUrl:n,webSocketUrl:r}=t,o=r??new URL(sm,new URL(n,globalThis.location?.href)).href;this.#e=
o.replace(/^http/,"ws"),this.#s=new ze(this.name,t.onState)}options;name="websocket";isOpen=!1;#e;#t=new Set;#n=0;#r=new Set;#o=[];#s;#a=()=>this.close();async open(t){
t.throwIfAborted(),this.#t.size===0&&this.#s.becomes("connecting");try{let n=await this.#i(t);return this.#s.becomes("open"),n}catch(n){if(t.aborted)throw this.#m(),
n;let{message:r}=n,o=new U(`no WebSocket could be opened at ${this.#e}: ${r}`,{cause:n});throw this.#s.becomes("down",o),o}}close(){let t="the transport was clo\
sed";for(let{reject:n}of this.#o.splice(0))n(new Error(t));for(let n of this.#r)n.abort(new Error(t));for(let n of this.#t)n.lose(t)}async#i(t){this.#n<am?this.#n+=
1:await this.#l(t);let n=new AbortController;this.#r.add(n);let r=this.options.connectTimeoutMs??1e4,o=setTimeout(()=>n.abort(new Error(`it was not open within ${r}\
 ms`)),r),s=i=>te(te(i,n.signal),t),a;try{let i=!1,{ticket:c}=this.options,u=c?im(this.#e,await s(c())):this.#e,m=a=this.#c(u,{drain:()=>this.#s.becomes("draini\
ng"),release:()=>{this.#t.delete(m),this.#t.size===0&&globalThis.removeEventListener?.("pagehide",this.#a),i&&this.#m()}});return this.#t.add(m),globalThis.addEventListener?.(
"pagehide",this.#a),await s(m.opened),i=!0,m}catch(i){throw a?.lose("it was not opened"),i}finally{clearTimeout(o),this.#r.delete(n),this.#u()}}#c(t,n){let{webSocket:r=globalThis.
WebSocket}=this.options;if(!r)throw new Error("there is no WebSocket here");return new Rn(new r(t,[Rt]),n)}async#l(t){let n=new Promise((r,o)=>this.#o.push({resolve:r,
reject:o}));try{await te(n,t)}catch(r){throw n.then(()=>this.#u(),()=>{}),r}}#u(){let t=this.#o.shift();t?t.resolve():this.#n-=1}#m(){this.#t.size===0&&this.#s.
becomes("idle")}};function im(e,t){let n=new URL(e);return n.searchParams.set("ticket",t),n.href}var Qe=class{constructor(t={},n=Math.random){this.options=t;this.random=n}options;random;#e=0;get failures(){return this.#e}next(){let{initialMs:t=200,maxMs:n=1e4,
jitter:r=.3}=this.options,o=Math.min(t*2**this.#e,n);return this.#e+=1,o*(1-r*this.random())}reset(){this.#e=0}};var cm="/grpc-wt/v1",kn=class{constructor(t){this.options=t}options;#e;async find(t){let{baseUrl:n,webTransportUrl:r,serverCertificateHashes:o,ticket:s}=this.options,
a=r,i=typeof o=="function"?await o():o;if(a===void 0){let u=new URL(cm,new URL(n,globalThis.location?.href));if(a=u.href,u.protocol==="http:"){let m=this.#e??=await this.#t(
a,t);if(!m.webtransport_url)throw new U(`${a} names no address for WebTransport`);a=m.webtransport_url,i??=m.certificate_hashes?.map(um)}}let c=new URL(a);return s&&
c.searchParams.set("ticket",await s()),{url:c.href,hashes:i}}forget(){this.#e=void 0}async#t(t,n){let{fetch:r=globalThis.fetch}=this.options,o=await r(t,{signal:n,
headers:{accept:"application/json"}});if(!o.ok)throw new U(`${t} answered ${o.status}`);return await o.json()}};function um(e){return{algorithm:"sha-256",value:Uint8Array.
from(atob(e),t=>t.charCodeAt(0))}}var Oi=13,lm=100,Dn=class{constructor(t,n){this.owner=n;this.#e=t.writable.getWriter(),this.#t=t.readable.getReader()}owner;carrier="webtransport";#e;#t;#n=!1;#r=!1;#o;async send(t){
try{this.#e.write(t).catch(be),await this.#e.ready}catch(n){throw await this.#c(n)}}async finish(){if(this.#o)throw this.#o;this.#r=!0}async receive(){if(this.#o)
throw this.#o;try{let{done:t,value:n}=await this.#t.read();if(this.#o)throw this.#o;return t&&this.#i(),n}catch(t){let n=await this.#c(t);throw this.#s(Y,n),n}}cancel(t){
this.#s(t,new L("the call was given up",t))}draining(){this.owner.drain()}#s(t,n){this.#o??=n;let r=mm(t);t===Y&&this.#r?(this.#e.close().catch(be),this.#a(r)):
(this.#e.abort(r).catch(be),this.#t.cancel(r).catch(be)),this.#i()}async#a(t){await this.#t.read().then(({done:r})=>r,()=>!0)||this.#t.cancel(t).catch(be)}#i(){
this.#n||(this.#n=!0,this.owner.release())}async#c(t){if(this.#o)return this.#o;let n=await this.#l(t);n===je&&this.owner.drain();let r=n===void 0?"the session \
is gone":`the gateway ended the stream with code ${n}`;return this.#o??new L(r,n,{cause:t})}async#l(t){let{source:n,streamErrorCode:r}=t;if(n==="stream")return r??
Oi;if(n==="session")return;let o,s=new Promise(u=>o=setTimeout(u,lm,Oi)),a=this.owner.ended.then(()=>{}),i=this.#e.closed.then(()=>s,u=>u.streamErrorCode||s),c=await Promise.
race([a,i,s]);return clearTimeout(o),c}};function mm(e){let{WebTransportError:t}=globalThis;if(!t)return Object.assign(new Error("the stream was ended"),{streamErrorCode:e});
let n=new t({streamErrorCode:e});return n.streamErrorCode===e?n:new t("",{streamErrorCode:e})}function be(){}var fm="grpc-wt-1",dm=4;async function _i(e,t,n){let r={allowPooling:!1,protocols:[fm]},{hashes:o}=t,s=new e(t.url,o?{...r,serverCertificateHashes:o}:r);s.closed.
catch(be);try{return await te(s.ready,n),s}catch(a){throw Mn(s),a}}var Un=class{constructor(t,n,r){this.transport=t;this.idleMs=n;this.onChange=r;this.ended=t.closed.
then(({closeCode:o})=>this.#l(o===dm?new Error("the gateway is overloaded"):void 0),o=>this.#l(o)),t.draining?.then(()=>this.drain(),be),this.#c()}transport;idleMs;onChange;ended;#e=0;#t=!1;#n=!1;#r;#o=0;#s=Promise.
resolve();get lanes(){return this.#e}get hasEnded(){return this.#n}get isFull(){return this.#o>0}get isUsable(){return!this.#t&&!this.#n}reserve(){this.#e+=1,clearTimeout(
this.#r)}async open(t){let n={ended:this.ended,drain:()=>this.drain(),release:()=>this.#i()},r=this.#a(t).then(o=>new Dn(o,n));try{return await te(r,t)}catch(o){
throw r.then(s=>s.cancel(Y),n.release),t.aborted?o:new U("no stream could be opened",{cause:o})}}drain(){this.isUsable&&(this.#t=!0,this.#e===0&&this.close(),this.
onChange())}close(){this.#l(),Mn(this.transport)}async#a(t){let n={waitUntilAvailable:!0},r=()=>this.transport.createBidirectionalStream(n);if(!this.isFull)try{
return await r()}catch(i){if(this.#n)throw i}let o=new Qe({initialMs:10,maxMs:250}),s=async()=>{for(;;){t.throwIfAborted();try{return await r()}catch(i){if(this.#n)
throw i}await Promise.race([An(o.next(),t),this.ended])}};this.#o+=1;let a=this.#s.then(s).finally(()=>this.#o-=1);return this.#s=a.catch(be),a}#i(){this.#e-=1,
!(this.#e>0||this.#n)&&(this.#t?this.close():this.#c())}#c(){this.#r=setTimeout(()=>this.close(),this.idleMs)}#l(t){this.#n||(this.#n=!0,clearTimeout(this.#r),this.
onChange(t))}};function Mn(e){try{e.close({closeCode:0,reason:""})}catch{}}var pm=2,et=class{constructor(t){this.options=t;this.#e=new kn(t),this.#t=new Qe(t.backoff)}options;name="webtransport";#e;#t;#n=new Set;#r;#o=0;#s;#a=new Set;#i=0;#c="\
idle 0";#l=()=>this.close();get isOpen(){return this.#w().length>0}async open(t){t.throwIfAborted();let n=this.#i;for(let r=pm;;r-=1){let o=await this.#u(s=>this.#m(
s),t);try{return await o.open(t)}catch(s){if(r===1||t.aborted||n!==this.#i)throw s}}}close(){let t=new U("WebTransport was closed");this.#i+=1,this.#r=void 0,this.#s=
void 0,this.#o=0,this.#t.reset();for(let n of this.#a)n.abort(t);for(let n of this.#n)n.close();this.#h()}async#u(t,n){let r=new AbortController,o=this.options.
connectTimeoutMs??5e3,a=setTimeout(()=>r.abort(new U(`no session within ${o} ms`,{cause:this.#s})),o),i=()=>r.abort(n?.reason);n?.addEventListener("abort",i),this.#a.
add(r);try{return await t(r.signal)}finally{this.#a.delete(r),n?.removeEventListener("abort",i),clearTimeout(a)}}async#m(t){let n=this.options.webTransport??globalThis.
WebTransport;if(!n)throw new U("there is no WebTransport here");for(;;){t.throwIfAborted();let r=this.#d();if(r)return r.reserve(),r;let o=this.#o-performance.now();
try{this.#r||o<=0?await te(this.#r??=this.#f(n),t):await An(o,t)}catch(s){if(t.aborted||!this.isOpen)throw s}}}#d(){let{max:t=2,maxCallsPerSession:n=100}=this.options.
sessions??{},r=this.#w(),o=r.find(a=>a.lanes<n&&!a.isFull),s=r.length<t&&this.#o<=performance.now();return o||s||r.length===0?o:r.reduce((a,i)=>i.lanes<a.lanes?
i:a)}#f(t){let n=this.#u(r=>this.#g(t,r)).then(r=>{if(this.#r!==n)return Mn(r);this.#r=void 0,this.#b(r)},r=>{let o=r instanceof U?r:new U("no session could be \
opened",{cause:r});throw this.#r===n&&(this.#r=void 0,this.#p(o)),o});return this.#r=n,this.#h(),n}async#g(t,n){return _i(t,await te(this.#e.find(n),n),n)}#b(t){
this.#s=void 0,this.#t.reset();let n=r=>r===void 0?this.#h():this.#p(r);this.#n.add(new Un(t,this.options.sessions?.idleMs??6e4,n)),this.#h()}#p(t){this.#s=t,this.#o=
performance.now()+this.#t.next(),this.#e.forget(),this.#h()}#w(){return[...this.#n].filter(t=>t.isUsable)}#h(){for(let t of this.#n)t.hasEnded&&this.#n.delete(t);
this.#n.size>0||this.#r?globalThis.addEventListener?.("pagehide",this.#l):globalThis.removeEventListener?.("pagehide",this.#l),this.#E()}#E(){let t=this.#y(),n=`${t.
phase} ${t.failures}`;if(n!==this.#c){this.#c=n;try{this.options.onState?.(t)}catch{}}}#y(){let t={carrier:this.name,failures:this.#t.failures};return this.isOpen?
{...t,phase:"open"}:this.#r?{...t,phase:"connecting"}:this.#s!==void 0?{...t,phase:"down",error:this.#s}:{...t,phase:this.#n.size>0?"draining":"idle"}}};var Pn=class{constructor(t,n,r){this.options=t;this.isOpen=n;this.now=r}options;isOpen;now;#e=new Map;carrierOf(t){let n=this.options.order.find(r=>r==="fetch"||
this.isOpen(r));return n&&(t==="unary"||t==="server_streaming")?n:this.attempts()[0]?.carrier}attempts(){let t=this.options.order.filter(o=>o!=="fetch"),n=t.filter(
o=>!this.#t(o)),r=t.filter(o=>this.#t(o));return[...n.map(o=>({carrier:o,afterMs:this.options.headStartMs})),...r.map(o=>({carrier:o,afterMs:void 0}))]}won(t){let{
order:n,retryAfterMs:r}=this.options;for(let o of n.slice(0,n.indexOf(t)))this.#t(o)||this.#e.set(o,this.now()+r);this.opened(t)}opened(t){this.#e.delete(t)}forget(){
this.#e.clear()}#t(t){return!this.isOpen(t)&&this.now()<(this.#e.get(t)??0)}};function Ai(e,t,n){return new Promise((r,o)=>new ho(e,t,n,r,o).start())}var ho=class{constructor(t,n,r,o,s){this.choice=t;this.carriers=n;this.signal=r;this.resolve=
o;this.reject=s;this.#e=t.attempts()}choice;carriers;signal;resolve;reject;#e;#t=[];#n=0;#r;#o=!1;#s=new AbortController;start(){this.signal.addEventListener("a\
bort",this.#a),this.signal.aborted?this.#a():this.#i()}#a=()=>{this.#u(),this.#s.abort(this.signal.reason),this.reject(this.signal.reason)};#i(){clearTimeout(this.#r);
let t=this.#e.shift();if(!t)return;this.#n+=1;let n=this.#e[0]?.afterMs;n!==void 0&&(this.#r=setTimeout(()=>this.#i(),n));let{carrier:r}=t;this.carriers.get(r).
open(this.#s.signal).then(o=>this.#c(o),o=>this.#l(r,o))}#c(t){if(this.#o){this.choice.opened(t.carrier),t.cancel(Y);return}this.#u(),this.choice.won(t.carrier),
this.resolve(t)}#l(t,n){this.#n-=1,!this.#o&&(this.#t.push(`${t}: ${n instanceof Error?n.message:n}`),this.#i(),!(this.#n>0)&&(this.#u(),this.reject(new U(`the \
gateway cannot be reached (${this.#t.join("; ")})`))))}#u(){this.#o=!0,clearTimeout(this.#r),this.signal.removeEventListener("abort",this.#a)}};function Ci(e,t){let n=new ze("fetch",t);return async(r,o)=>{try{let s=await e(r,o);return n.becomes("open"),s}catch(s){throw o?.signal?.aborted||n.becomes("dow\
n",s),s}}}var hm=1e4,ym=["webtransport","websocket","fetch"];function Fn(e){let t={connectTimeoutMs:hm,...e},n=new Map,r=(e.carriers??ym).filter(h=>bm(h,e));r.includes("w\
ebtransport")&&n.set("webtransport",new et(t)),r.includes("websocket")&&n.set("websocket",new qe(t));let{headStartMs:o=300,retryWebTransportAfterMs:s=3e5}=e,a=h=>n.
get(h)?.isOpen??!1,i=new Pn({order:r,headStartMs:o,retryAfterMs:s},a,()=>performance.now()),c=()=>i.forget();globalThis.addEventListener?.("online",c);let u=Ze(
h=>Ai(i,n,h),e),m=e.fetch??((h,g)=>fetch(h,g)),p=hi({...e,fetch:Ci(m,e.onState)}),d=h=>{let g=i.carrierOf(h);if(g)return g;let w=`no carrier here takes ${h.replace(
"_"," ")} calls: there is ${r.join(" and ")||"none at all"}`;throw new b(w,y.Unimplemented)},f=h=>d(h)==="fetch"?p:u;return{unary:async(h,...g)=>f(h.methodKind).
unary(h,...g),stream:async(h,...g)=>f(h.methodKind).stream(h,...g),carrierOf:d,close(){globalThis.removeEventListener?.("online",c);for(let h of n.values())h.close()}}}
function bm(e,t){return e==="webtransport"?(t.webTransport??globalThis.WebTransport)!==void 0:e==="websocket"?(t.webSocket??globalThis.WebSocket)!==void 0:!0}function yo(e){let t=new qe(e);return{...Ze(n=>t.open(n),e),close:()=>t.close()}}function bo(e){let t=new et(e);return{...Ze(n=>t.open(n),e),close:()=>t.close()}}async function $n(){let e=await fetch("/demo/config.json",{cache:"no-store"});if(!e.ok)throw new Error(`HTTP ${e.status}`);return await e.json()}function Li(e){
return e.certificate_hash===null?void 0:[{algorithm:"sha-256",value:Uint8Array.from(atob(e.certificate_hash),n=>n.charCodeAt(0))}]}function Ri(){try{new Headers}catch{throw new Error("connect-web requires the fetch API. Are you running on an old version of Node.js? Node.js is not supported \
in Connect for Web - please stay tuned for Connect for Node.")}}var Dt=function(e){return this instanceof Dt?(this.v=e,this):new Dt(e)},gm=function(e,t,n){if(!Symbol.asyncIterator)throw new TypeError("Symbol.asyncIterator is\
 not defined.");var r=n.apply(e,t||[]),o,s=[];return o=Object.create((typeof AsyncIterator=="function"?AsyncIterator:Object).prototype),i("next"),i("throw"),i("\
return",a),o[Symbol.asyncIterator]=function(){return this},o;function a(f){return function(h){return Promise.resolve(h).then(f,p)}}function i(f,h){r[f]&&(o[f]=function(g){
return new Promise(function(w,E){s.push([f,g,w,E])>1||c(f,g)})},h&&(o[f]=h(o[f])))}function c(f,h){try{u(r[f](h))}catch(g){d(s[0][3],g)}}function u(f){f.value instanceof
Dt?Promise.resolve(f.value.v).then(m,p):d(s[0][2],f)}function m(f){c("next",f)}function p(f){c("throw",f)}function d(f,h){f(h),s.shift(),s.length&&c(s[0][0],s[0][1])}},
ki={redirect:"error"};function go(e){var t;Ri();let n=(t=e.useBinaryFormat)!==null&&t!==void 0?t:!1;return{async unary(r,o,s,a,i,c){let{serialize:u,parse:m}=En(
r,n,e.jsonOptions,e.binaryOptions);return s=s===void 0?e.defaultTimeoutMs:s<=0?void 0:s,await _e({interceptors:e.interceptors,signal:o,timeoutMs:s,req:{stream:!1,
service:r.parent,method:r,requestMethod:"POST",url:ce(e.baseUrl,r),header:Tn(r.methodKind,n,s,a,!1),contextValues:c??ie(),message:i},next:async p=>{var d;let f=e.
useHttpGet===!0&&r.idempotency===zt.NO_SIDE_EFFECTS,h=null;f?p=ro(p,u(p.message),n):h=u(p.message);let w=await((d=e.fetch)!==null&&d!==void 0?d:globalThis.fetch)(
p.url,Object.assign(Object.assign({},ki),{method:p.requestMethod,headers:p.header,signal:p.signal,body:h})),{isUnaryError:E,unaryError:O}=xn(r.methodKind,n,w.status,
w.headers);if(E)throw Ot(await w.json(),Wr(...Nn(w.headers)),O);let[C,R]=Nn(w.headers);return{stream:!1,service:r.parent,method:r,header:C,message:n?m(new Uint8Array(
await w.arrayBuffer())):Se(r.output,await w.json(),wn(e.jsonOptions)),trailer:R}}})},async stream(r,o,s,a,i,c){let{serialize:u,parse:m}=En(r,n,e.jsonOptions,e.binaryOptions);
function p(f,h,g,w){return gm(this,arguments,function*(){let O=Hr(f).getReader(),C=!1;for(;;){let R=yield Dt(O.read());if(R.done)break;let{flags:M,data:G}=R.value;
if((M&ee)===ee)throw new b("protocol error: received unsupported compressed output",y.Internal);if((M&vn)===vn){C=!0;let V=no(G);if(V.error){let j=V.error;throw g.
forEach((at,uc)=>{j.metadata.append(uc,at)}),j}V.metadata.forEach((j,at)=>h.set(at,j));continue}yield yield Dt(m(G))}if("throwIfAborted"in w&&w.throwIfAborted(),
!C)throw"missing EndStreamResponse"})}async function d(f){if(r.methodKind!="server_streaming")throw"The fetch API does not support streaming request bodies";let h=await f[Symbol.
asyncIterator]().next();if(h.done==!0)throw"missing request message";return vt(0,u(h.value))}return s=s===void 0?e.defaultTimeoutMs:s<=0?void 0:s,await Ae({interceptors:e.
interceptors,timeoutMs:s,signal:o,req:{stream:!0,service:r.parent,method:r,requestMethod:"POST",url:ce(e.baseUrl,r),header:Tn(r.methodKind,n,s,a,!1),contextValues:c??
ie(),message:i},next:async f=>{var h;let w=await((h=e.fetch)!==null&&h!==void 0?h:globalThis.fetch)(f.url,Object.assign(Object.assign({},ki),{method:f.requestMethod,
headers:f.header,signal:f.signal,body:await d(f.message)}));if(xn(r.methodKind,n,w.status,w.headers),w.body===null)throw"missing response body";let E=new Headers;
return Object.assign(Object.assign({},f),{header:w.headers,trailer:E,message:p(w.body,E,w.headers,f.signal)})}})}}}function Di(e,t){return go({baseUrl:e,useBinaryFormat:!0,fetch:t})}var wo=3e3,Vn=3e3;function Ui(e,t,n){let r=location.origin,o=c=>t.carriers(u=>n.used(c,u)),s=c=>{let{webTransport:u}=o(c);return{...u&&{webTransport:u},...e.webtransport_url!==
null&&{webTransportUrl:e.webtransport_url},...e.certificate_hash!==null&&{serverCertificateHashes:async()=>Li(await $n())??[]},backoff:{maxMs:Vn}}},a=Fn({baseUrl:r,
...s("automatic"),webSocket:o("automatic").webSocket,fetch:o("automatic").fetch,connectTimeoutMs:wo,retryWebTransportAfterMs:Vn,onState:c=>n.state(c)});return{all:[
{name:"automatic",title:"Automatic",transport:a,carriesStreams:!0,about:"createGatewayTransport: the best carrier that works"},{name:"webtransport",title:"WebTr\
ansport",carriesStreams:!0,about:"one stream of a QUIC session for each call",transport:"WebTransport"in globalThis?bo({baseUrl:r,...s("webtransport"),connectTimeoutMs:wo}):
wm("this browser, or this page, has no WebTransport: it needs https or a loopback address")},{name:"websocket",title:"WebSocket",carriesStreams:!0,about:"one We\
bSocket for each call",transport:yo({baseUrl:r,webSocket:o("websocket").webSocket,connectTimeoutMs:wo})},{name:"grpc-web",title:"gRPC-Web",carriesStreams:!1,about:"\
fetch, as most pages call gRPC today",transport:Fn({baseUrl:r,carriers:["fetch"],fetch:o("grpc-web").fetch})},{name:"connect",title:"Connect",carriesStreams:!1,
about:"fetch, in Connect's own protocol",transport:Di(r,o("connect").fetch)}],automatic:a}}function wm(e){let t=async()=>{throw new b(e,y.Unavailable)};return{unary:t,
stream:t}}function Mi(e){let{code:t,rawMessage:n,metadata:r}=b.from(e);return{status:Eo(t),message:n,trailers:r}}function Eo(e){return e===y.Canceled?"CANCELLED":(y[e]??"\
Unknown").replace(/(?<=[a-z])[A-Z]/g,"_$&").toUpperCase()}var Pi="//127.0.0.1:9/",Bn=class{#e=new Set;#t={webtransport:new Set,websocket:new Set,fetch:new Set};isCut(t){return this.#e.has(t)}cut(t){this.#e.add(t);for(let n of this.#t[t])
n();this.#t[t].clear()}mend(t){this.#e.delete(t)}carriers(t){return{webTransport:this.#n(t),webSocket:this.#r(t),fetch:this.#o(t)}}#n(t){if(!("WebTransport"in globalThis))
return;let n=this;return class extends WebTransport{constructor(r,o){super(n.isCut("webtransport")?`https:${Pi}`:r,o),n.#s("webtransport",()=>this.close({closeCode:0,
reason:"cut by the page"}),this.closed)}createBidirectionalStream(...r){return t("webtransport"),super.createBidirectionalStream(...r)}}}#r(t){let n=this;return class extends WebSocket{#a=!1;constructor(r,o){
super(n.isCut("websocket")?new URL(`${new URL(r).protocol}${Pi}`):r,o);let s=new Promise(a=>this.addEventListener("close",()=>a()));n.#s("websocket",()=>this.#i(),
s)}#i(){this.dispatchEvent(new Event("error")),this.dispatchEvent(new CloseEvent("close",{code:1006,reason:"cut by the page",wasClean:!1})),this.close()}send(r){
this.#a||t("websocket"),this.#a=!0,super.send(r)}}}#o(t){return async(n,r)=>{let o=new TypeError("cut by the page");if(this.isCut("fetch"))throw o;t("fetch");let s=new AbortController,
a=()=>s.abort(o),i=()=>{this.#t.fetch.delete(a)};this.#t.fetch.add(a);let c=new Request(n,r);c.signal.addEventListener("abort",i);try{let u=await fetch(c,{signal:AbortSignal.
any([c.signal,s.signal])});if(!u.body)return u;let m=u.body.pipeThrough(new TransformStream({flush:i}));return new Response(m,{status:u.status,headers:u.headers})}catch(u){
throw i(),u}}}#s(t,n,r){this.#t[t].add(n);let o=()=>this.#t[t].delete(n);r.then(o,o)}};var tt=class{#e=[];#t=!1;#n=()=>{};push(t){return this.#t?Promise.resolve():new Promise(n=>{this.#e.push({value:t,taken:n}),this.#n()})}end(){this.#t=!0,this.#n()}drop(){
this.end();for(let{taken:t}of this.#e.splice(0))t()}async*[Symbol.asyncIterator](){try{for(;;){let t=this.#e.shift();if(t)t.taken(),yield t.value;else{if(this.#t)
return;await new Promise(n=>this.#n=n)}}}finally{this.drop()}}};var Em=[gt,Ir,oa,pa,ha,wt,ra,ga],vo=new Map(Em.map(({proto:e})=>[e.name,e]));function Gn(e){return e.messageType.forEach(Fi),e}function Fi(e){for(let t of e.field)t.jsonName||=q(t.name);e.nestedType.forEach(Fi)}async function $i(e){let t=await e({listServices:"*"});if(t.errorResponse)throw new Error(Vi(t));let n=(t.listServicesResponse?.service??[]).map(({name:i})=>i).
sort(),r=new No(e),o=[],s=new Map,a=Ne();for(let i of n.filter(c=>!c.startsWith("grpc.reflection.")))try{let c=await r.containing(i);a=Ne(a,c);let u=c.getService(
i);u?o.push(u):s.set(i,"the server sent other files")}catch(c){s.set(i,c instanceof Error?c.message:String(c))}return{services:o,registry:a,undescribed:s}}function Vi({
errorResponse:e}){return e?.errorMessage||`error ${e?.errorCode??"without a code"}`}var No=class{constructor(t){this.ask=t}ask;#e=new Map;#t=new Set;async containing(t){
let n=await this.ask({fileContainingSymbol:t});if(n.errorResponse)throw new Error(Vi(n));let[r]=this.#n(n);if(!r)throw new Error("the server sent no file");return await this.#r(
r),Ne(r,o=>this.#e.get(o)??void 0)}#n(t){let n=(t.fileDescriptorResponse?.fileDescriptorProto??[]).map(r=>H(De,oe(r)));for(let r of n)this.#e.set(r.name,Gn(r));
return n}async#r(t){if(!this.#t.has(t.name)){this.#t.add(t.name);for(let n of t.dependency){this.#e.has(n)||await this.#o(n);let r=this.#e.get(n);r&&await this.#r(
r)}t.dependency=t.dependency.filter(n=>this.#e.get(n))}}async#o(t){this.#e.set(t,vo.get(t)??null),vo.has(t)||this.#n(await this.ask({fileByFilename:t}))}};function Bi(e){return Ne(vm(e),()=>{}).getService(`grpc.reflection.${e}.ServerReflection`).method.serverReflectionInfo}function vm(e){let t=u=>`.grpc.reflection\
.${e}.${u}`,n=(u,m,p,d)=>({name:u,number:m,type:p,typeName:d,label:"LABEL_OPTIONAL"}),r=(u,m,p,d)=>({...n(u,m,p,d),label:"LABEL_REPEATED"}),[o,s,a,i]=["TYPE_STR\
ING","TYPE_BYTES","TYPE_INT32","TYPE_MESSAGE"],c={ServerReflectionRequest:[n("file_by_filename",3,o),n("file_containing_symbol",4,o),n("list_services",7,o)],ServerReflectionResponse:[
n("file_descriptor_response",4,i,t("FileDescriptorResponse")),n("list_services_response",6,i,t("ListServiceResponse")),n("error_response",7,i,t("ErrorResponse"))],
FileDescriptorResponse:[r("file_descriptor_proto",1,s)],ListServiceResponse:[r("service",1,i,t("ServiceResponse"))],ServiceResponse:[n("name",1,o)],ErrorResponse:[
n("error_code",1,a),n("error_message",2,o)]};return Gn(Se(De,JSON.parse(JSON.stringify({name:`grpc/reflection/${e}/reflection.proto`,package:`grpc.reflection.${e}`,
syntax:"proto3",messageType:Object.entries(c).map(([u,m])=>({name:u,field:m})),service:[{name:"ServerReflection",method:[{name:"ServerReflectionInfo",inputType:t(
"ServerReflectionRequest"),outputType:t("ServerReflectionResponse"),clientStreaming:!0,serverStreaming:!0}]}]}))))}async function Wi(e){try{return await Gi("v1",e)}catch(t){if(b.from(t).code!==y.Unimplemented)throw t;return Gi("v1alpha",e)}}async function Gi(e,t){let n=Bi(e),
r=new tt,o=(async function*(){for await(let c of r)yield Se(n.input,c)})(),s=t.stream(n,void 0,2e4,void 0,o);s.catch(()=>{});let a,i=async c=>{r.push(c),a??=(await s).
message[Symbol.asyncIterator]();let{done:u,value:m}=await a.next();if(u)throw new b("reflection ended before it had answered",y.Internal);return Rr(n.output,m)};
try{return{version:e,...await $i(i)}}finally{r.end(),await a?.next().catch(()=>{})}}function So(e){let t=e.filter(o=>o>0).map(Math.log10),n=Math.max(-2,Math.min(0,...t.map(Math.floor))),r=Math.max(n+2,...t.map(Math.ceil));return Array.from({length:r-
n+1},(o,s)=>+`1e${n+s}`)}function Yi(e,t){let n=t.length-1,[r,o]=t[0]===0?[t[1],1]:[t[0],0];return e<r?e/r*(o/n):(o+Math.log10(e/r))/n}function Ki(e){let t=e.findIndex(
n=>n>0);return e.map((n,r)=>t>=0&&r>=t-1?n:void 0)}function Hi(e,t,n){let r="";return e.forEach((o,s)=>{if(o===void 0)return;let a=`${t(s).toFixed(1)} ${n(o).toFixed(
1)}`;e[s-1]!==void 0?r+=`L${a}`:r+=e[s+1]===void 0?`M${a}h0`:`M${a}`}),r}function nt(e){return e===void 0?"–":e>=9999.5?`${(e/1e3).toFixed(1)} s`:e>=999.5?`${(e/
1e3).toFixed(2)} s`:`${e.toFixed(e>=99.95?0:e>=9.995?1:2)} ms`}var Z=e=>e.toLocaleString("en");function v(e){let t=document.querySelector(`[data-testid="${e}"]`);if(!t)throw new Error(`index.html has no ${e}`);return t}function _(e,t){let n=e.querySelector(
`[data-part="${t}"]`);if(!n)throw new Error(`the template has no ${t}`);return n}function x(e,t={},...n){let r=document.createElement(e);for(let[o,s]of Object.entries(
t))r.setAttribute(o,s);return r.append(...n),r}function rt(e){v("announcement").textContent=e}var Wn=class{#e=new Map;#t=!1;constructor(t){for(let n of t)this.#e.set(n,0);this.#n()}reply(t){let{backend:n}=t;typeof n!="string"||n===""||(this.#e.set(n,(this.#e.
get(n)??0)+1),!this.#t&&(this.#t=!0,requestAnimationFrame(()=>{this.#t=!1,this.#n()})))}#n(){let t=[...this.#e].map(([n,r])=>x("li",{"data-backend":n,"data-repl\
ies":String(r)},x("span",{class:"name"},n),x("span",{class:"replies"},`${Z(r)} ${r===1?"reply":"replies"}`)));v("backends").replaceChildren(...t)}};var To=1e3,Nm=200,Yn=class{constructor(t,n){this.composer=t;this.columns=n;let r=(o,s)=>v(o).addEventListener("click",()=>{s()});v("composer").addEventListener(
"submit",o=>{o.preventDefault(),!v("send").closest("[data-for]").hidden?this.send():this.call()}),r("repeat",()=>this.repeat()),r("cancel",()=>this.cancel()),r(
"send-many",()=>this.send(To)),r("keep-sending",()=>this.keepSending()),r("finish",()=>this.finish()),r("cancel-stream",()=>this.cancel())}composer;columns;#e=0;#t=!1;#n;async fresh(){
await this.cancel();let{method:t}=this.composer;if(t)for(let n of this.columns)n.fresh(t)}async call(t=1){let n=this.composer.read();if(!n)return;await this.cancel();
let r=this.#r(n);for(let o=0;o<t;o++)await Promise.all(r.map(s=>s.call(n.terms,n.compose)))}async repeat(){this.#t||await this.cancel(),await this.#o("repeat",async(t,{
terms:n,compose:r})=>t.call(n,r))}async send(t=1){let n=this.composer.read();n&&await Promise.all(this.#r(n).map(async r=>{let{terms:o,compose:s}=n;await r.send(
o,s);for(let a=1;a<t&&r.isCalling;a++)await r.send(o,s)}))}async keepSending(){await this.#o("keep-sending",async(t,{terms:n,compose:r})=>t.send(n,r))}finish(){
this.#s();for(let t of this.columns)t.finish()}async cancel(){this.#s(),await Promise.all(this.columns.map(t=>t.cancel()))}ended(){clearTimeout(this.#n),this.#n=
setTimeout(()=>{if(this.#t||this.columns.some(({isCalling:n})=>n))return;let t=this.columns.filter(({isUsed:n,status:r})=>n&&r!=="idle"&&r!=="unsupported");rt(t.
map(({lane:n,status:r})=>`${n.title}: ${r}`).join("; "))},Nm)}get over(){return Promise.all(this.columns.map(({over:t})=>t))}#r({terms:t}){return this.columns.filter(
n=>n.isUsed&&n.carries(t.method))}async#o(t,n){if(this.#t)return this.#s();let r=this.composer.read();if(!r)return;let o=++this.#e;this.#t=!0,v(t).setAttribute(
"aria-pressed","true"),document.body.dataset.repeating="true",await Promise.all(this.#r(r).map(async s=>{for(;this.#t&&o===this.#e;){await n(s,r);let a=s.status===
"UNAVAILABLE"?Math.max(this.composer.pace,100):this.composer.pace;await new Promise(i=>setTimeout(i,a))}}))}#s(){this.#t=!1,delete document.body.dataset.repeating;
for(let t of["repeat","keep-sending"])v(t).setAttribute("aria-pressed","false")}};var ge={webtransport:"WebTransport",websocket:"WebSocket",fetch:"fetch"},Sm=Object.keys(ge),Tm=400,Kn=class{constructor(t,n,r){this.network=t;this.onGate=n;this.
carrierOf=r;for(let o of Sm)this.#e.set(o,this.#r(o));v("carriers").replaceChildren(...this.#e.values())}network;onGate;carrierOf;#e=new Map;#t=new Map;#n=new Map;state(t){
this.#t.set(t.carrier,t),this.#s(t.carrier),this.choice()}flow(t){let n=this.#e.get(t);n.classList.add("flowing"),clearTimeout(this.#n.get(t)),this.#n.set(t,setTimeout(
()=>n.classList.remove("flowing"),Tm))}choice(){let t=this.carrierOf("unary"),n=this.carrierOf("bidi_streaming"),r=v("choice");r.dataset.single=t,r.dataset.stream=
n;let o=t===n?`The automatic lane takes ${ge[t]} for every call now.`:`The automatic lane takes ${ge[t]} for unary calls and server streams now, ${ge[n]} for wh\
at streams from the page.`;r.textContent!==o&&(r.textContent=o)}#r(t){let n=x("button",{type:"button","data-part":"gate",class:"gate-switch"}),r=x("li",{"data-c\
arrier":t,"data-phase":"idle"},x("span",{class:"name"},ge[t]),x("span",{class:"pipe","aria-hidden":"true"},x("span",{class:"valve"})),x("span",{class:"phase","d\
ata-part":"phase"}),n);return n.addEventListener("click",()=>this.#o(t)),this.#e.set(t,r),this.#s(t),r}#o(t){let n=this.network.isCut(t);n?this.network.mend(t):
this.network.cut(t);let r=`${ge[t]} ${n?"mended":"cut"}`;rt(`${r}.`),this.onGate(r),this.#s(t),this.choice()}#s(t){let n=this.#e.get(t),r=this.network.isCut(t),
o=this.#t.get(t);n.classList.toggle("cut",r),n.dataset.cut=String(r),n.dataset.phase=o?.phase??"idle",_(n,"phase").textContent=r?`cut; ${Ji(o)}`:Ji(o);let s=_(n,
"gate");s.textContent=r?"Mend":"Cut",s.setAttribute("aria-label",`${r?"Mend":"Cut"} ${ge[t]}`)}};function Ji(e){return!e||e.phase==="idle"?"nothing open":e.phase!==
"down"?e.phase:`down, ${`${e.failures} ${e.failures===1?"failure":"failures"}`}${e.carrier==="webtransport"?`; tried again after ${Vn/1e3} s`:""}`}var Xi={unary:"unary",server_streaming:"server streaming",client_streaming:"client streaming",bidi_streaming:"both stream"},ot=({methodKind:e})=>e==="client_str\
eaming"||e==="bidi_streaming",xm=4;function xo(e,t=[]){let n=_m(e);if(n!==void 0)return n;let r={},o=[...t,e];for(let s of e.members){let a=s.kind==="oneof"?s.fields[0]:
s;if(!a)continue;let i=Im(a,o);i!==void 0&&(r[a.jsonName]=i)}return r}function Im(e,t){switch(e.fieldKind){case"scalar":return Zi(e.scalar);case"enum":return Om(
e.enum);case"message":return ji(e.message,t);case"map":return{};case"list":{if(e.listKind!=="message")return[];let n=ji(e.message,t);return n===void 0?[]:[n]}}}
function ji(e,t){if(!(t.length>=xm||t.some(({typeName:n})=>n===e.typeName)))return xo(e,t)}var Om=({typeName:e,values:t})=>e==="google.protobuf.NullValue"?null:
t[0]?.name??0;function Zi(e){switch(e){case l.STRING:case l.BYTES:return"";case l.BOOL:return!1;case l.INT64:case l.UINT64:case l.SINT64:case l.FIXED64:case l.SFIXED64:
return"0";default:return 0}}function _m({typeName:e,fields:t}){switch(e){case"google.protobuf.Timestamp":return"2026-01-01T00:00:00Z";case"google.protobuf.Durat\
ion":return"0s";case"google.protobuf.FieldMask":return"";case"google.protobuf.Any":case"google.protobuf.Struct":return{};case"google.protobuf.Value":return null;case"\
google.protobuf.ListValue":return[]}let n=t[0];return/^google\.protobuf\.\w+Value$/.test(e)&&n?.fieldKind==="scalar"?Zi(n.scalar):void 0}var Hn=class{constructor(t,n,r){this.terms=n;this.witness=r;this.over=this.#a(t).then(o=>this.#f({status:"OK",message:"",trailers:o}),o=>this.#f(Mi(o)))}terms;witness;#e=new tt;#t=new AbortController;#n=performance.
now();#r=[];#o=this.#n;#s=0;over;send(t){return this.#e.push(t)}finish(){this.#o=performance.now(),this.#e.end()}cancel(){this.#t.abort()}async#a(t){let{method:n}=this.
terms;return n.methodKind==="unary"?this.#i(t,n):this.#c(t,n)}async#i(t,n){let r=A(n.input);for await(let i of this.#e)r=i;this.#u();let{headers:o,timeoutMs:s}=this.
terms,a=await t.unary(n,this.#t.signal,s,o,r);return this.witness.headers(a.header),this.#m(a.message),a.trailer}async#c(t,n){let{headers:r,timeoutMs:o}=this.terms,
s=this.#l(),a=await t.stream(n,this.#t.signal,o,r,s);this.witness.headers(a.header);for await(let i of a.message)this.#m(i);return a.trailer}async*#l(){for await(let t of this.#e)
this.#u(),yield t}#u(){this.#r.push(performance.now()),this.witness.sent()}#m(t){this.#s+=1,this.witness.received(t,this.#d())}#d(){let{method:t}=this.terms;if(t.
methodKind==="bidi_streaming"){let n=this.#r.shift();return n===void 0?void 0:performance.now()-n}if(!(this.#s>1))return performance.now()-(ot(t)?this.#o:this.#n)}#f(t){
this.#e.drop(),this.witness.ended(t,performance.now()-this.#n)}};var Jn=class{constructor(t=()=>performance.now()){this.now=t}now;#e=new Map;#t=0;#n=0;#r=0;ended(t){this.#t+=1,t||(this.#n+=1)}message(){this.#r+=1,this.#s().messages+=
1}latency(t){let{latencies:n}=this.#s();n.length<500&&n.push(t)}latencies(){return this.#o(t=>t&&Io(t.latencies,.5))}throughput(){return this.#o(t=>t?.messages??
0)}summary(){this.#a();let t=[...this.#e.values()].flatMap(({latencies:n})=>n);return{calls:this.#t,failures:this.#n,messages:this.#r,median:Io(t,.5),p95:Io(t,.95)}}#o(t){
let n=this.#i()-1;return Array.from({length:60},(r,o)=>t(this.#e.get(n-60+1+o)))}#s(){let t=this.#i(),n=this.#e.get(t);return n||(this.#a(),n={latencies:[],messages:0},
this.#e.set(t,n)),n}#a(){let t=this.#i()-60;for(let n of this.#e.keys())n<t&&this.#e.delete(n)}#i(){return Math.floor(this.now()/1e3)}};function Io(e,t){let n=[
...e].sort((r,o)=>r-o);return n[Math.max(0,Math.ceil(t*n.length)-1)]}var zi=40,Am=150,jn=class{constructor(t,n,r,o){this.lane=t;this.registry=n;this.onReply=r;this.onEnd=o;let s=document.querySelector("#lane");this.element=s.content.
firstElementChild.cloneNode(!0),this.element.dataset.lane=t.name,this.element.classList.add(t.name),_(this.element,"title").textContent=t.title,_(this.element,"\
about").textContent=t.about,_(this.element,"messages").setAttribute("aria-label",`Messages over ${t.title}`),_(this.element,"metadata").setAttribute("aria-label",
`Headers and trailers over ${t.title}`)}lane;registry;onReply;onEnd;meter=new Jn;element;#e;#t=0;#n=0;#r=0;#o=[];#s=!1;#a=!1;#i=new Map;get isUsed(){return _(this.
element,"use").checked}get isCalling(){return this.#e!==void 0}get status(){return this.element.dataset.status??""}carries(t){return this.lane.carriesStreams||!ot(
t)}fresh(t){if(this.#i.clear(),_(this.element,"messages").replaceChildren(),this.#l(),this.carries(t))return this.#f("idle","–");this.#f("unsupported","cannot\
 carry it"),_(this.element,"said").textContent="fetch sends one message and then reads; it cannot carry a call that streams from the page."}async call(t,n){let r=this.#c(
t);r.send(n(1)),r.finish(),await r.over}async send(t,n){await(this.#e??this.#c(t)).send(n(++this.#t))}finish(){this.#e?.finish()}async cancel(){let t=this.#e;t?.
cancel(),await t?.over}get over(){return this.#e?.over??Promise.resolve()}used(t){this.#a=!0,this.element.dataset.via=t,_(this.element,"via").textContent=ge[t]}#c(t){
this.#t=this.#n=this.#r=0,this.element.dataset.status="calling",this.#a=!1;let n=new Hn(this.lane.transport,t,this.#u(t.method));return this.#e=n,setTimeout(()=>{
this.#e===n&&this.element.dataset.status==="calling"&&this.#g()},Am),n}#l(){this.#t=this.#n=this.#r=0,this.#o=[],_(this.element,"said").textContent="",_(this.element,
"metadata").textContent="",_(this.element,"latency").textContent="",delete this.element.dataset.latency,this.#p()}#u(t){let n=new Headers;return{headers:r=>{n=r,
t.methodKind!=="unary"&&(this.#f("open","open"),_(this.element,"said").textContent="")},sent:()=>{this.#n+=1,this.meter.message(),this.#b()},received:(r,o)=>{this.#r+=
1,this.meter.message(),o!==void 0&&this.#m(o),this.#o.push(r),this.#o.length>zi&&this.#o.shift(),this.onReply(r),this.#b()},ended:(r,o)=>{this.#e=void 0,this.#p(
t),this.#d(r,o,n),this.onEnd()}}}#m(t){this.meter.latency(t),_(this.element,"latency").textContent=nt(t),this.element.dataset.latency=t.toFixed(2)}#d(t,n,r){let o=t.
status==="OK";this.meter.ended(o),this.#i.set(t.status,(this.#i.get(t.status)??0)+1),this.#f(t.status,t.status,o),this.#r===0&&(_(this.element,"latency").textContent=
nt(n));let s=[...this.#i].map(([c,u])=>`${Z(u)} × ${c}`),a=s.length>1?[t.message,s.join(", ")]:[t.message];_(this.element,"said").textContent=a.filter(Boolean).
join(" · ").replaceAll("_","_​"),this.element.dataset.tally=s.join(", "),this.#a||(delete this.element.dataset.via,_(this.element,"via").textContent="nothing");
let i=[...[...r].map(qi),"",...[...t.trailers].map(qi)];_(this.element,"metadata").textContent=i.join(`
`).trim()}#f(t,n,r){this.element.dataset.status=t;let o=_(this.element,"status");o.textContent=n.replaceAll("_","_​"),o.classList.toggle("good",r===!0),o.classList.
toggle("bad",r===!1)}#g(){let t=_(this.element,"status");t.textContent=this.#i.size>0?`${t.textContent} …`:"…"}#b(){this.#s||(this.#s=!0,requestAnimationFrame(
()=>{this.#s=!1,this.#p(this.#e?.terms.method)}))}#p(t){if(this.element.dataset.sent=String(this.#n),this.element.dataset.received=String(this.#r),_(this.element,
"sent").textContent=Z(this.#n),_(this.element,"received").textContent=Z(this.#r),!t||this.#o.length===0)return;let n={registry:this.registry(),alwaysEmitImplicit:!0},
r=this.#o.map(s=>x("li",{},cn(t.output,s,n)));this.#o=[];let o=_(this.element,"messages");for(o.prepend(...r.reverse());o.childElementCount>zi;)o.lastElementChild.
remove()}},qi=([e,t])=>`${e}: ${t}`;var ue=class extends Error{name="Mistake"},Cm="{n}";function Oo(e,t,n,r){try{return ln(n,e.trim()===""?"{}":e.replaceAll(Cm,String(t)),{registry:r})}catch(o){let s=o instanceof
Error?o.message:String(o);throw new ue(s.replace(/^\[\w+\] /,"").replace(/^cannot decode (message )?/,"Not a message: "))}}function Qi(e){let t=new Headers;for(let n of e.
split(`
`).filter(r=>r.trim()!=="")){let r=n.indexOf(":"),o=n.slice(0,r).trim().toLowerCase();if(r<1)throw new ue(`A line is “name: value”, unlike “${n.trim()}”`);
if(!/^[0-9a-z_.-]+$/.test(o))throw new ue(`“${o}” cannot be the name of metadata`);if(o.startsWith("grpc-")||o.startsWith("connect-"))throw new ue(`“${o}”\
 is the protocol's own`);try{t.append(o,n.slice(r+1).trim())}catch{throw new ue(`“${o}” has a value that a header cannot carry`)}}return t}function ec(e){if(e.
trim()==="")return;let t=Number(e);if(!(t>0))throw new ue("A deadline is a number of milliseconds above 0, or nothing");return t}var Xn=class{constructor(t,n){this.examples=t;this.onMethod=n;this.#e.addEventListener("change",()=>this.#a()),this.#t.addEventListener("input",()=>this.#i()),v(
"composer").addEventListener("keydown",r=>{r.key!=="Enter"||!(r.ctrlKey||r.metaKey)||(r.preventDefault(),v("composer").requestSubmit())})}examples;onMethod;#e=v(
"method");#t=v("message");#n=v("metadata");#r=v("deadline");#o=new Map;#s;offer(t,n){this.#s=n,this.#o.clear();let r=t.map(o=>{let s=o.methods.map(a=>{let i=`${o.
typeName}.${a.name}`;return this.#o.set(i,a),x("option",{value:i},`${a.name} · ${Xi[a.methodKind]}`)});return x("optgroup",{label:o.typeName},...s)});if(this.#e.
replaceChildren(...r),this.#e.disabled=r.length===0,r.length>0)return this.#a();for(let o of document.querySelectorAll("[data-for] button"))o.disabled=!0}get method(){
return this.#o.get(this.#e.value)}choose(t,n={}){this.#e.value=t,this.#a(),n.message&&(this.#t.value=tc(n.message)),this.#n.value=n.metadata??"",this.#r.value="",
this.#i()}read(){let{method:t}=this,n=this.#t.value,r=_o(this.#n,()=>Qi(this.#n.value)),o=_o(this.#r,()=>({ms:ec(this.#r.value)}));if(!this.#i()||!t||!r||!o){document.
querySelector(".composer [aria-invalid=true]")?.focus();return}let s=a=>Oo(n,a,t.input,this.#s);return{terms:{method:t,headers:r,timeoutMs:o.ms},compose:s}}get pace(){
return Number(v("pace").value)}set pace(t){v("pace").value=String(t)}#a(){let{method:t}=this;if(!t)return;let n=this.#e.value;v("service").textContent=`of ${t.parent.
typeName}`;let r=xo(t.input),o=typeof r=="object"&&r!==null&&!Array.isArray(r);this.#t.value=tc(o?{...r,...this.examples[n]}:r),this.#i();for(let s of document.
querySelectorAll("[data-for]")){s.hidden=s.dataset.for==="stream"!==ot(t);for(let a of s.querySelectorAll("button"))a.disabled=s.hidden}document.body.dataset.method=
n,this.onMethod(t)}#i(){let{method:t}=this;return t?_o(this.#t,()=>Oo(this.#t.value,1,t.input,this.#s))!==void 0:!1}},tc=e=>JSON.stringify(e,void 0,2);function _o(e,t){
let n=v(`${e.id}-mistake`);try{let r=t();return n.textContent="",e.removeAttribute("aria-invalid"),r}catch(r){if(!(r instanceof ue))throw r;n.textContent=r.message,
e.setAttribute("aria-invalid","true");return}}var st=190,ne={top:8,right:8,bottom:22,left:50},Lm=[20,40,60],Mt=class{constructor(t,n){this.svg=t;this.hasZero=n}svg;hasZero;draw(t,n){let r=Rm(t),o=Math.max(this.
svg.clientWidth,200),s=t.flatMap(([,d])=>d.filter(f=>f!==void 0)),a=this.hasZero?[0,...So(s.map(Math.ceil))]:So(s),i={width:o-ne.left-ne.right,height:st-ne.top-
ne.bottom},c=d=>ne.left+i.width*(1-d/r),[u,m]=[ne.left,o-ne.right],p=d=>ne.top+i.height*(1-Yi(d,a));this.svg.setAttribute("viewBox",`0 0 ${o} ${st}`),this.svg.replaceChildren(
...a.map(d=>Zn("path",{class:"rule",d:`M${u} ${p(d).toFixed(1)}H${m}`})),...(s.length===0?[]:a).map(d=>Ut(Z(d),u-8,p(d)+4,"end")),Ut(`−${r} s`,c(r),st-5,"star\
t"),Ut(`−${r/2} s`,c(r/2),st-5,"middle"),Ut("now",c(0),st-5,"end"),...n.filter(({secondsAgo:d})=>d<r).flatMap(({text:d,secondsAgo:f},h)=>{let g=f<r/2,w=c(f),E=ne.
top+10+h%3*13;return[Zn("path",{class:"event",d:`M${w.toFixed(1)} ${ne.top}V${st-ne.bottom}`}),Ut(d,w+(g?-5:5),E,g?"end":"start")]}),...t.map(([d,f])=>Zn("path",
{class:`line ${d}`,d:Hi(f.slice(-r),h=>c(r-1-h),p)})))}};function Rm(e){let t=Math.max(...e.map(([,n])=>n.length-km(n)));return Lm.find(n=>n>=t)??60}function km(e){
let t=e.findIndex(n=>n!==void 0);return t<0?e.length:t}function Ut(e,t,n,r){let o=Zn("text",{x:t.toFixed(1),y:n.toFixed(1),"text-anchor":r});return o.textContent=
e,o}function Zn(e,t){let n=document.createElementNS("http://www.w3.org/2000/svg",e);for(let[r,o]of Object.entries(t))n.setAttribute(r,o);return n}var Dm=500,nc=["calls","failures","messages","median","p95"],qn=class{constructor(t){this.columns=t;let n=t.map(({lane:r})=>{let o=new Map(nc.map(i=>[i,x("td",{
"data-part":i})]));this.#n.push(o);let a=document.querySelector("#lane").content.querySelector(".swatch").cloneNode(!0);return x("tr",{"data-numbers":r.name,class:r.
name},x("th",{scope:"row"},a,` ${r.title}`),...o.values())});v("numbers").querySelector("tbody").replaceChildren(...n),this.draw(),setInterval(()=>this.draw(),Dm),
addEventListener("resize",()=>this.draw())}columns;#e=new Mt(v("latency-chart"),!1);#t=new Mt(v("throughput-chart"),!0);#n=[];#r=[];mark(t){this.#r.push({text:t,
at:performance.now()})}draw(){if(document.hidden)return;let t=performance.now(),n=this.#r.map(({text:r,at:o})=>({text:r,secondsAgo:(t-o)/1e3}));for(;this.#r[0]&&
t-this.#r[0].at>60*1e3;)this.#r.shift();this.#e.draw(this.columns.map(({lane:r,meter:o})=>[r.name,o.latencies()]),n),this.#t.draw(this.columns.map(({lane:r,meter:o})=>[
r.name,Ki(o.throughput())]),n),this.columns.forEach(({meter:r},o)=>{let{calls:s,failures:a,messages:i,median:c,p95:u}=r.summary(),m=[Z(s),Z(a),Z(i),nt(c),nt(u)];
nc.forEach((p,d)=>this.#n[o].get(p).textContent=m[d])})}};var sc={"demo.v1.Demo.Say":{name:"Ada"},"demo.v1.Demo.Count":{upTo:50,intervalMs:100},"demo.v1.Demo.Sum":{number:"{n}"},"demo.v1.Demo.Chat":{text:"drop {n}"}},[
rc,oc]=[10,4];function ac(e){let t=async r=>{r.finish(),await r.over},n=e===null?[]:[{id:"vault-without",title:"Vault, without the key",method:"demo.v1.Vault.Op\
en",about:"A filter of the gateway refuses calls without an x-api-key. The server behind it never hears of them, and each protocol says so in its own way.",play:r=>r.
call()},{id:"vault-with",title:"Vault, with the key",method:"demo.v1.Vault.Open",metadata:`x-api-key: ${e}`,about:"The same call with the key in its metadata, o\
ver each protocol.",play:r=>r.call()}];return[{id:"hello",title:"Hello",method:"demo.v1.Demo.Say",about:"A unary call over each protocol. Do it again: calls tak\
e turns on the servers.",play:r=>r.call()},{id:"count",title:"Count to 50",method:"demo.v1.Demo.Count",about:"The server streams. Cancel it halfway if you like;\
 the server notices.",play:r=>r.call()},{id:"sum",title:"Add up",method:"demo.v1.Demo.Sum",about:`${rc} messages, a half-close, one response. What fetch cannot \
carry: the page streams.`,play:async r=>{await r.send(rc),await t(r)}},{id:"chat",title:"Chat",method:"demo.v1.Demo.Chat",about:"One call, open in both directio\
ns. Send more; half-close to end it.",play:r=>r.send()},{id:"thousand",title:"1,000 each way",method:"demo.v1.Demo.Chat",message:{text:"drop {n} of a thousand"},
about:"A thousand messages out and a thousand back at the same time, in one call.",play:async r=>{await r.send(To),await t(r)}},...n,{id:"too-many",title:"Too m\
any calls",method:"demo.v1.Demo.Say",metadata:"x-demo-limit: 5",about:`${oc} calls in a row over each protocol, on a route that lets five through in five second\
s, whatever they came over. The others end with RESOURCE_EXHAUSTED.`,play:r=>r.call(oc)}]}function ic(e,t,n){let r=v("scene-about"),o=e.map(s=>{let a=x("button",
{type:"button","data-scene":s.id},s.title);return a.addEventListener("click",()=>{r.textContent=s.about,rt(s.about),Um(s,t,n)}),a});v("scenes").replaceChildren(
...o)}async function Um(e,t,n){t.choose(e.method,{...e.message&&{message:e.message},...e.metadata!==void 0&&{metadata:e.metadata}}),await n.fresh(),document.body.
dataset.played=e.id,await e.play(n)}var Pt=document.body.dataset;async function Mm(){let e;try{e=await $n()}catch(d){Pt.settings="failed",$m(`The gateway's settings cannot be read: ${d.message}`);
return}Pt.settings="loaded",Fm(e);let t=Tr(),n=new Bn,r=[],o=d=>{r.push(d)},s=Ui(e,n,{used:(d,f)=>{u.flow(f),i.find(h=>h.lane.name===d)?.used(f)},state:d=>o(d)}),
a=new Wn(e.demo?["backend-a","backend-b"]:[]),i=s.all.map(d=>new jn(d,()=>t,f=>a.reply(f),()=>p.ended()));v("lanes").replaceChildren(...i.map(({element:d})=>d));
let c=new qn(i),u=new Kn(n,d=>c.mark(d),d=>s.automatic.carrierOf(d));r.forEach(d=>u.state(d)),o=d=>u.state(d),u.choice();let m=new Xn(sc,()=>{p.fresh()}),p=new Yn(
m,i);e.demo&&ic(ac(e.api_key),m,p),await cc(s,m,e,d=>t=d)}async function cc(e,t,n,r){Pt.reflection="asking";let o=v("no-reflection");try{let{services:s,registry:a,
undescribed:i,version:c}=await Wi(e.automatic);r(a),t.offer(s,a),n.demo&&t.choose("demo.v1.Demo.Say"),Pt.reflection=c;let u=[...i].map(([m,p])=>`${m} (${p})`).join(
", ");o.textContent=s.length===0?"The server behind this gateway serves nothing but reflection.":`The server lists services that it does not describe: ${u}`,o.hidden=
s.length>0&&i.size===0}catch(s){let{code:a,rawMessage:i}=b.from(s);Pt.reflection=a===y.Unimplemented?"none":"failed";let c=x("button",{type:"button","data-testi\
d":"reflect-again"},"Ask again");c.addEventListener("click",()=>{cc(e,t,n,r)}),v("method").replaceChildren(x("option",{},"no methods are known"));let u=`The ser\
ver could not be asked what it has: ${Eo(a)}, ${i}`;o.replaceChildren(...a===y.Unimplemented?Pm():[x("p",{},u)],c),o.hidden=!1}}function Pm(){let t=[["Go","refl\
ection.Register(server)","google.golang.org/grpc/reflection"],["Java","ProtoReflectionServiceV1.newInstance()","grpc-services"],["Python","reflection.enable_ser\
ver_reflection(names, server)","grpcio-reflection"],["Node","new ReflectionService(definition).addToServer(server)","@grpc/reflection"],["Rust","tonic_reflectio\
n::server::Builder","tonic-reflection"],["C#","app.MapGrpcReflectionService()","Grpc.AspNetCore.Server.Reflection"]].map(([n,r,o])=>x("li",{},`${n}: `,x("code",
{},r),` of ${o}`));return[x("p",{},"The server behind this gateway does not say which services it has. Add gRPC server reflection to it, start it again, and thi\
s page knows its methods and messages:"),x("ul",{},...t)]}function Fm(e){for(let n of document.querySelectorAll("[data-demo]"))n.hidden=!e.demo;document.title=e.
demo?"Sluicegate demo":"Sluicegate",v("place").textContent=e.demo?`${location.host} · the demo's service, on two servers`:`${location.host} · your own server i\
s behind this gateway`;let t=location.protocol==="https:";v("commands").textContent=`curl ${t?"-k ":""}${location.origin}/v1/greetings/you
grpcurl ${t?"-insecure":"-plaintext"} -d '{"name": "you"}' ${location.host} demo.v1.Demo/Say`}function $m(e){let t=v("trouble");t.textContent=e,t.hidden=!1}Mm();
